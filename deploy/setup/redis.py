"""redis-server: the machine's own (or valkey-server, which speaks the same protocol), else out of Debian's packages."""

from pathlib import Path

from deploy.setup import debian
from deploy.setup.commands import answer
from deploy.setup.layout import Layout, find_command, link
from deploy.setup.progress import SetupError, Step
from deploy.setup.version import at_least, short

MINIMUM = "6.2"


def ensure(layout: Layout) -> None:
    """Provide `.tools/bin/redis-server`.

    Raises:
        SetupError: there is none and Debian's packages cannot be had.
    """
    with Step("redis") as step:
        place = layout.bin / "redis-server"
        if fits(place):
            step.done(_what(place))
            return
        found = find_command("redis-server") or find_command("valkey-server")
        if found is not None and fits(found):
            link(found, place)
        else:
            _unpacked(step, layout)
        step.done(_what(place))


def fits(command: Path) -> bool:
    """Does it run, and is it recent enough?"""
    return command.exists() and at_least(_version(command), MINIMUM)


def _version(command: Path) -> str | None:
    printed = answer([str(command), "--version"])
    return printed.partition("v=")[2] or printed if printed else None


def _what(place: Path) -> str:
    origin = str(place.readlink()) if place.is_symlink() else "out of Debian's packages, in .tools"
    return f"{short(_version(place))}  {origin}"


def _unpacked(step: Step, layout: Layout) -> None:
    try:
        debian.provide(step, layout, "redis-server", "redis-server")
    except SetupError as e:
        raise SetupError(f"there is no redis-server or valkey-server >= {MINIMUM}, and none could be fetched: {e}\n"
                         "Do one of these, then run make again:\n"
                         "  apt install redis-server     (or your system's redis or valkey)\n"
                         "  put a redis-server on PATH") from e
