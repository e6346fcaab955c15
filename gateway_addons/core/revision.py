"""The name of a revision of policies and contracts: a number that only rises, and the hash of what is in it."""

import re
from dataclasses import dataclass
from typing import Self

MAX_SEQUENCE = 99_999_999
_FORM = re.compile(r"r-([0-9]{8})-([0-9a-f]{16})")


class RevisionError(ValueError):
    """Not the name of a revision."""


@dataclass(frozen=True, slots=True, order=True)
class Revision:
    """`r-00000012-3b63543f845a836a`: revisions are ordered by their sequence; the content says what is in one.

    An old bundle keeps a valid signature for ever. What makes it useless to an attacker is that its sequence is lower than
    one that was already seen; a rollback therefore signs old content anew, under a new sequence.
    """

    sequence: int
    content: str

    def __post_init__(self) -> None:
        """Raises `RevisionError` for what could not be read back."""
        if not (1 <= self.sequence <= MAX_SEQUENCE and re.fullmatch(r"[0-9a-f]{16}", self.content)):
            raise RevisionError(f"no revision: sequence {self.sequence}, content {self.content!r}")

    def __str__(self) -> str:
        return f"r-{self.sequence:08}-{self.content}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The revision that `text` names. Raises `RevisionError`."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise RevisionError(f"{text!r} is not the name of a revision (r-00000001-0123456789abcdef)")
        return cls(int(match[1]), match[2])
