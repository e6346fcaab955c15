#!/bin/sh
# Prints the path of a Python that fits: >= 3.12, with venv and pip; 3.13 is preferred, then 3.12, then newer ones.
# POSIX sh, because nothing else may be assumed before a Python is found. POTERNE_PYTHON names one to use, and no other.
# POTERNE_PYTHON_FOLDERS replaces the folders looked at beside PATH, pyenv and uv.
# Exits 1 with what to do when there is none.
set -u

FOLDERS=${POTERNE_PYTHON_FOLDERS-"/usr/local/bin /opt/*/bin /usr/bin"}
VERSIONS="3.13 3.12 3.14 3.15"
RELEASE=3.13                                     # the one named in advice
PROBE='import sys, venv, ensurepip
if sys.version_info < (3, 12): sys.exit("is Python %d.%d" % sys.version_info[:2])
print("%d.%d" % sys.version_info[:2])'
unfit=""

# probe COMMAND: prints its version if it fits; otherwise returns 1, the reason being in $why
probe() {
    why=$("$1" -c "$PROBE" 2>&1) && { version=$why; return 0; }
    why=$(printf '%s\n' "$why" | tail -n 1)
    case "$why" in
        *ensurepip*|*venv*) why="has no venv module (on Debian: apt install python3-venv)" ;;
        is\ Python*) ;;
        *) why="does not run here" ;;
    esac
    return 1
}

# offer VERSION COMMAND: prints the command and ends when it fits and is of that version
offer() {
    [ -x "$2" ] || return 0
    if probe "$2"; then
        [ "$version" = "$1" ] || return 0
        printf '%s\n' "$2"
        exit 0
    fi
    case "$why" in has\ no*) unfit="$unfit
  $2 $why" ;; esac
}

# Every command called $1 in the folders of PATH (a shim that does not work must not hide a Python behind it).
on_path() {
    saved=$IFS; IFS=:
    for folder in $PATH; do [ -n "$folder" ] && [ -x "$folder/$1" ] && printf '%s\n' "$folder/$1"; done
    IFS=$saved
}

pyenv_roots() {
    [ -n "${PYENV_ROOT:-}" ] && printf '%s\n' "$PYENV_ROOT"
    command -v pyenv >/dev/null 2>&1 && pyenv root 2>/dev/null
    [ -n "${HOME:-}" ] && printf '%s\n' "$HOME/.pyenv"
}

uv_python() {
    command -v uv >/dev/null 2>&1 && uv python find --no-python-downloads --no-project "$1" 2>/dev/null
}

candidates() {
    on_path "python$1"
    pyenv_roots | while read -r root; do ls -d "$root/versions/$1."*/bin/"python$1" 2>/dev/null | sort -Vr; done
    uv_python "$1"
    for folder in $FOLDERS; do [ -x "$folder/python$1" ] && printf '%s\n' "$folder/python$1"; done
    on_path python3
    on_path python
}

if [ -n "${POTERNE_PYTHON:-}" ]; then
    chosen=$(command -v "$POTERNE_PYTHON") || { echo "POTERNE_PYTHON=$POTERNE_PYTHON: no such command." >&2; exit 1; }
    probe "$chosen" || { echo "POTERNE_PYTHON=$POTERNE_PYTHON $why; Poterne needs Python >= 3.12 with venv." >&2; exit 1; }
    printf '%s\n' "$chosen"
    exit 0
fi

for wanted in $VERSIONS; do
    list=$(candidates "$wanted")
    saved=$IFS; IFS='
'
    for command in $list; do IFS=$saved; offer "$wanted" "$command"; done
    IFS=$saved
done

cat >&2 <<ADVICE
Poterne needs Python >= 3.12 and found none on PATH, in pyenv, in uv, in /usr/local or in /opt.$unfit
Do one of these, then run make again:
  pyenv install $RELEASE          or          uv python install $RELEASE
  make POTERNE_PYTHON=/path/to/python$RELEASE ...
ADVICE
exit 1
