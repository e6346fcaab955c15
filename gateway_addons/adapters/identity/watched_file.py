"""A file that is read again when it changes, and never replaced by something worse."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger("poterne.identity")


class WatchedFile[T]:
    """The value of a file: the last one that could be read. The first reading must succeed."""

    def __init__(self, file: Path, read: Callable[[], T]) -> None:
        """`file` is looked at for changes; `read` makes the value. Raises what `read` raises."""
        self._file = file
        self._read = read
        self._stamp = self._now_on_disk()
        self.digest = self._digest()
        """SHA-256 of the file that the value was read from."""
        self.value = read()
        self.alert: str | None = None

    def refresh(self) -> bool:
        """Read again if the file changed; True when a new value is in use. What cannot be read leaves the old one."""
        try:
            stamp = self._now_on_disk()
            if stamp == self._stamp:
                return False
            digest, value = self._digest(), self._read()
        except (OSError, ValueError) as e:
            if str(e) != self.alert:
                log.error("file refused, the old one stays", file=str(self._file), why=str(e))
            self.alert = str(e)
            return False
        self._stamp, self.digest, self.value, self.alert = stamp, digest, value, None
        log.info("file taken up", file=str(self._file))
        return True

    def of_now(self) -> T:
        """The value, after a look at the file: what was written before counts in it. One `stat`: for rare calls."""
        self.refresh()
        return self.value

    def _digest(self) -> str:
        return f"sha256:{hashlib.sha256(self._file.read_bytes()).hexdigest()}"

    def _now_on_disk(self) -> tuple[int, int, int]:
        found = self._file.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
