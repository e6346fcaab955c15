"""Versions of tools, as they print them."""

import re

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(-?(?:rc|beta|alpha|dev)[\w.]*)?")

type Version = tuple[int, int, int, bool]
"""Major, minor, patch, and whether it is a release: a pre-release is lower than its release."""


def parse(text: str) -> Version | None:
    """The first version in a text such as `Version: 1.22.2` or `go version go1.26.8 linux/amd64`; None without one."""
    found = _NUMBERS.search(text)
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3] or 0), found[4] is None


def at_least(text: str | None, minimum: str) -> bool:
    """Does the text name a version that is not lower than `minimum`? False when it names none."""
    got, wanted = parse(text or ""), parse(minimum)
    return got is not None and wanted is not None and got >= wanted


def short(text: str | None) -> str:
    """`1.22.2` out of whatever a tool prints."""
    got = parse(text or "")
    return "unknown version" if got is None else f"{got[0]}.{got[1]}.{got[2]}" + ("" if got[3] else " (pre-release)")
