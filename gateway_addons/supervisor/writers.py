"""Who writes which part of the journal: each living worker has a part of its own, and every part is taken care of."""

from collections.abc import Collection

from gateway_addons.adapters.journal.checkpoint_reader import lost_seal
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.segments import OPERATOR, writers
from gateway_addons.adapters.journal.stop_marker import stop
from gateway_addons.core.errors import JournalHeld
from gateway_addons.settings.journal import JournalSettings


class Writers:
    """The parts of the journal, each a folder below the one that the settings name.

    A part may be held by somebody else: workers whose supervisor was killed finish their calls for a while.
    """

    def __init__(self, settings: JournalSettings) -> None:
        self._settings = settings

    def recover(self) -> int:
        """Conclude what a crash left open, in every part that nobody writes; returns how many calls that were.

        A sealed line that is gone stops the gateway (it starts, and refuses every call), like a part that was altered.

        Raises:
            JournalUnavailable: a part cannot be read or written.
        """
        if why := lost_seal(self._settings.folder):
            stop(self._settings.folder, why)
        return sum(self._look(name) or 0 for name in writers(self._settings.folder) if name != OPERATOR)

    def allot(self, in_use: Collection[str], preferred: str | None = None) -> str:
        """A part that no living worker writes; `preferred` when it is free (the part that a crash left open)."""
        candidates = ([preferred] if preferred else []) + [f"worker-{n}" for n in range(len(in_use) + 32)]
        for name in candidates:
            if name not in in_use and self._look(name) is not None:
                return name
        raise JournalHeld("every part of the journal is in use")

    def _look(self, name: str) -> int | None:
        """Open and close a part; None when it is held, else how many calls were concluded."""
        journal = JournalWriter(self._settings, name)
        try:
            return journal.open()
        except JournalHeld:
            return None
        finally:
            journal.close()
