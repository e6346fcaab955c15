"""The lowest revision that may still decide: a bundle that is signed, but older than one already seen, is refused.

The highest revision is kept in a file that all workers of this machine share and that outlives them, so that neither a
restart nor an emptied OPA lets an old bundle in again.
"""

import fcntl
from pathlib import Path

from gateway_addons.adapters.policy.revision_store import StoreError, read_highest, write_bytes_whole
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.revision import Revision, RevisionError


class RevisionFloor:
    """Rises with every revision seen. A question remembers the floor of the moment it was asked: while a bundle is being
    swapped, an answer of the old one may arrive after an answer of the new one, and is as good as when it was asked for.
    """

    def __init__(self, file: Path) -> None:
        """Take up what was seen before.

        Raises:
            PolicyUnavailable: the file is damaged, or its folder cannot be written.
        """
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._highest = read_highest(file)
            self._name = ""  # one of that sequence that was found good
            if self._highest:
                self._keep(self._highest)
        except (OSError, StoreError) as e:
            raise PolicyUnavailable(str(e)) from e

    @property
    def highest(self) -> str:
        """The newest revision that was seen in a decision, on this machine; "" before the first."""
        return str(self._highest) if self._highest else ""

    @property
    def sequence(self) -> int:
        """The sequence below which a question asked now accepts no answer."""
        return self._highest.sequence if self._highest else 0

    def is_highest(self, name: str) -> bool:
        """Is this a revision that decided here, and none of a higher sequence was seen since?"""
        return name == self._name

    def check(self, name: str, floor: int) -> None:
        """Accept a decision of the revision `name`, asked for when the floor was `floor`.

        Raises:
            PolicyUnavailable: it is older than that, is no revision, or cannot be remembered.
        """
        if name == self._name and floor <= self.sequence:
            return
        try:
            revision = Revision.parse(name)
        except RevisionError as e:
            raise PolicyUnavailable(str(e)) from e
        if revision.sequence < floor:
            raise PolicyUnavailable(f"the decision is of revision {name}, but sequence {floor} was already seen")
        if revision.sequence > self.sequence:
            try:
                self._highest = self._keep(revision)
            except (OSError, StoreError) as e:
                raise PolicyUnavailable(f"the revision {name} cannot be remembered: {e}") from e
        if revision.sequence == self.sequence:
            self._name = name

    def _keep(self, revision: Revision) -> Revision:
        """Write the higher of this one and the file's, under a lock that all workers take. Returns it."""
        with self._file.with_name(f".{self._file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = read_highest(self._file)
            if kept is None or revision.sequence > kept.sequence:
                write_bytes_whole(self._file, str(revision).encode() + b"\n")
                return revision
            return kept
