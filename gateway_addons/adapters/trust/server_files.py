"""The listener's own certificate and key in files; read again when they change, and never replaced by something worse."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from gateway_addons.core.server_identity import ServerIdentityError, ServerMaterial, read_server_identity
from gateway_addons.settings.listener import ServerIdentity

log = logging.getLogger(__name__)


class ServerFiles:
    """What one listener shows.

    Raises:
        ServerIdentityError, OSError: at the start, with the file and what to do.
    """

    def __init__(self, settings: ServerIdentity, hosts: Sequence[str]) -> None:
        self._settings = settings
        self._stamp = self._now_on_disk()
        self.material = self._read()
        self.alert: str | None = None
        if missing := self.material.missing_names(hosts):
            log.warning("%s has not all names of the listener: %s", settings.certificate_file, ", ".join(missing))

    def reload(self) -> bool:
        """Read the files again if they changed; True when another certificate is in use. A bad one leaves the old in place."""
        try:
            stamp = self._now_on_disk()
            if stamp == self._stamp:
                return False
            material = self._read()
        except (OSError, ServerIdentityError) as e:
            message = f"server certificate refused, the old one stays: {e}"
            if message != self.alert:
                log.error("%s", message)
            self.alert = message
            return False
        self._stamp, self.material, self.alert = stamp, material, None
        return True

    def _now_on_disk(self) -> tuple[tuple[int, int, int], ...]:
        files = (self._settings.certificate_file, self._settings.key_file)
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in (f.stat() for f in files))

    def _read(self) -> ServerMaterial:
        own = self._settings
        try:
            return read_server_identity(own.certificate_file.read_bytes(), own.key_file.read_bytes(), datetime.now(UTC))
        except ServerIdentityError as e:
            raise ServerIdentityError(f"{own.certificate_file}: {e}") from e
