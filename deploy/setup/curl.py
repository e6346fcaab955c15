"""curl, with which the demonstration makes half of its calls: the machine's own, else out of Debian's packages."""

from deploy.setup import debian
from deploy.setup.commands import answer
from deploy.setup.layout import Layout, find_command, link
from deploy.setup.progress import SetupError, Step
from deploy.setup.version import short


def ensure(layout: Layout) -> None:
    """Provide `.tools/bin/curl`.

    Raises:
        SetupError: there is none and Debian's packages cannot be had.
    """
    with Step("curl") as step:
        place = layout.bin / "curl"
        if answer([str(place), "--version"]) is None:
            found = find_command("curl")
            if found is not None and answer([str(found), "--version"]) is not None:
                link(found, place)
            else:
                _unpacked(step, layout)
        step.done(short(answer([str(place), "--version"])))


def _unpacked(step: Step, layout: Layout) -> None:
    try:
        debian.provide(step, layout, "curl", "curl")
    except SetupError as e:
        raise SetupError(f"there is no curl, and none could be fetched: {e}\nInstall curl, then run make again.") from e
