"""The set-up's own decisions; its downloads and builds are shown by running it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.setup import debian, environment, opa, redis
from deploy.setup.commands import answer, ask, run
from deploy.setup.layout import Layout, find_command, link
from deploy.setup.lock import LockError, check
from deploy.setup.progress import SetupError, Step
from deploy.setup.version import at_least, parse, short

ROOT = Path(__file__).resolve().parents[2]


def script(file: Path, body: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(("text", "minimum", "enough"), [
    ("Version: 1.22.2\nGo Version: go1.26.8", "1.21.3", True),
    ("1.21.3", "1.21.3", True),
    ("1.21.2", "1.21.3", False),
    ("1.9.0", "1.21.3", False),
    ("0.70.0", "1.21.3", False),
    ("2.0.0", "1.21.3", True),
    ("1.22.0-rc.1", "1.22.0", False),
    ("1.22.0-rc.1", "1.21.3", True),
    ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", "6.2", True),
    ("go version go1.19.8 linux/amd64", "1.21", False),
    ("no version", "1.21.3", False),
    (None, "1.21.3", False),
])
def test_at_least(text: str | None, minimum: str, enough: bool) -> None:
    assert at_least(text, minimum) is enough


def test_version_is_told_as_numbers() -> None:
    assert parse("go1.26") == (1, 26, 0, True)
    assert short("Version: 1.22.2") == "1.22.2"
    assert short(None) == "unknown version"


def test_the_pinned_opa_is_recent_enough() -> None:
    assert at_least(opa.pinned_version(ROOT / "deploy" / "opa" / "go.mod"), opa.MINIMUM)


@pytest.mark.parametrize(("printed", "linked", "current"), [
    ("Version: 1.22.2", False, True),
    ("Version: 1.23.0", False, False),      # built, but not what go.mod pins
    ("Version: 1.23.0", True, True),        # the machine's own, newer
    ("Version: 1.20.0", True, False),
])
def test_opa_in_place(tmp_path: Path, printed: str, linked: bool, current: bool) -> None:
    binary = script(tmp_path / "machine" / "opa", f'echo "{printed}"')
    place = tmp_path / "bin" / "opa"
    if linked:
        link(binary, place)
    else:
        script(place, f'echo "{printed}"')
    assert opa.is_current(place, "1.22.2") is current


@pytest.mark.parametrize(("go", "said"), [(None, "no go to build it with"), ("go version go1.19.8 linux/amd64", "is older than Go")])
def test_opa_without_a_go_that_can_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: str | None, said: str) -> None:
    monkeypatch.setattr("deploy.setup.layout.USUAL_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    if go:
        script(tmp_path / "path" / "go", f'echo "{go}"')
    root = tmp_path / "root"
    (root / "deploy" / "opa").mkdir(parents=True)
    (root / "deploy" / "opa" / "go.mod").write_text("require github.com/open-policy-agent/opa v1.22.2\n")
    with pytest.raises(SetupError, match=said) as refusal:
        opa.ensure(Layout(root))
    assert "put an opa >= 1.21.3 on PATH" in str(refusal.value)


def test_caches_of_go_stay_in_the_project_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert opa.go_environment(Layout(tmp_path))["GOCACHE"] == str(tmp_path / ".tools" / "go" / "build")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "GOCACHE" not in opa.go_environment(Layout(tmp_path))


def test_commands_are_found_outside_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = script(tmp_path / "usual" / "valkey-server", "true")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("deploy.setup.layout.USUAL_FOLDERS", (str(tmp_path / "usual"),))
    assert find_command("redis-server", "valkey-server") == wanted
    assert find_command("redis-server") is None


@pytest.mark.parametrize(("printed", "fits"), [
    ("Redis server v=7.0.15 sha=0", True), ("Valkey server v=8.1.0 sha=0", True), ("Redis server v=5.0.3 sha=0", False)])
def test_redis_old_and_new(tmp_path: Path, printed: str, fits: bool) -> None:
    assert redis.fits(script(tmp_path / "redis-server", f'echo "{printed}"')) is fits


def test_redis_that_does_not_run(tmp_path: Path) -> None:
    assert not redis.fits(script(tmp_path / "redis-server", "exit 127"))


def test_only_new_packages_are_fetched_and_never_the_c_library() -> None:
    simulation = """NOTE: This is only a simulation!
Inst libc6 [2.36-9] (2.36-10 Debian:12.12/oldstable [amd64])
Inst libc6:amd64 (2.36-10 Debian:12.12/oldstable [amd64])
Inst libssl3 [3.0.15-1] (3.0.17-1 Debian:12.12/oldstable [amd64])
Inst libjemalloc2 (5.3.0-1 Debian:12.12/oldstable [amd64])
Inst redis-server (5:7.0.15-1~deb12u5 Debian-Security:12/oldstable-security [amd64])
Conf redis-server (5:7.0.15-1~deb12u5 Debian-Security:12/oldstable-security [amd64])
"""
    assert debian.missing(simulation) == ["libjemalloc2=5.3.0-1", "redis-server=5:7.0.15-1~deb12u5"]


@pytest.mark.parametrize(("stamp", "current"), [("same", True), ("other", False), (None, False)])
def test_a_finished_environment_is_left_alone(tmp_path: Path, stamp: str | None, current: bool) -> None:
    lock = tmp_path / "requirements-dev.lock"
    lock.write_text("a==1 --hash=sha256:00\n")
    wanted = environment.fingerprint(lock)
    file = tmp_path / "venv" / "stamp"
    link(Path(sys.executable), tmp_path / "venv" / "bin" / "python")
    if stamp:
        file.write_text(wanted if stamp == "same" else wanted[:-1])
    assert environment.is_current(tmp_path / "venv", file, wanted) is current
    lock.write_text("a==2 --hash=sha256:00\n")
    assert environment.fingerprint(lock) != wanted


def test_an_environment_whose_python_is_gone_is_not_current(tmp_path: Path) -> None:
    (tmp_path / "stamp").write_text("same")
    assert not environment.is_current(tmp_path / "venv", tmp_path / "stamp", "same")


@pytest.mark.parametrize("line", ["--index-url https://registry.example/simple", "a @ https://registry.example/a.whl", "-f ./wheels",
                                  "# from http://registry.example"])
def test_no_registry_gets_into_a_lock(line: str) -> None:
    with pytest.raises(LockError, match="line 2"):
        check(f"a==1 --hash=sha256:00\n{line}\n", "requirements.lock")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_pin_and_hash_everything(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    check(text, name)
    blocks = [block for block in text.split("\n") if block and not block[0].isspace() and not block.startswith("#")]
    assert len(blocks) > 50
    assert all("==" in block and block.endswith("\\") for block in blocks)


def test_a_failing_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with Step("test") as step, pytest.raises(SetupError, match=r"ended with status 3(?s:.*)the reason"):
        run(step, ["sh", "-c", "echo the reason; exit 3"], tmp_path / "log", limit_s=10)


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    with Step("test") as step, pytest.raises(SetupError, match="took longer than 0 s"):
        run(step, ["sleep", "60"], tmp_path / "log", limit_s=0.3)


def test_a_short_question_to_a_tool(tmp_path: Path) -> None:
    assert answer(["sh", "-c", "echo yes"]) == "yes\n"
    assert answer([str(tmp_path / "absent")]) is None
    with pytest.raises(SetupError, match="sh: E: no lists"):
        ask(["sh", "-c", "echo 'E: no lists' >&2; exit 100"])


def test_an_unpacked_program_gets_its_libraries_and_keeps_its_process(tmp_path: Path) -> None:
    binary = script(tmp_path / "tree" / "usr" / "bin" / "tool", 'echo "$$ $LD_LIBRARY_PATH $1"')
    debian._wrapper(tmp_path / "bin" / "tool", binary, "/a:/b")
    process = subprocess.Popen([str(tmp_path / "bin" / "tool"), "x y"], stdout=subprocess.PIPE, text=True,
                               env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": "/c"})
    printed, _ = process.communicate(timeout=10)
    assert printed == f"{process.pid} /a:/b:/c x y\n"
