"""What a person should do about a contract, by clause."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition that is not met or a duty that is open: the clause, where in the contract, and what to do."""

    clause: str
    path: str
    to_do: str
