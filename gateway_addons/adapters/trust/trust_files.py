"""Authorities and revocation lists in files; read again when they change, and never replaced by something worse."""

import logging
from datetime import datetime
from pathlib import Path

from gateway_addons.core.trust import TrustError, TrustMaterial, read_trust
from gateway_addons.settings.listener import ClientTrust

log = logging.getLogger(__name__)


class TrustFiles:
    """The trust of one environment; implements `core.ports.RevocationLists`."""

    def __init__(self, settings: ClientTrust) -> None:
        self._settings = settings
        self._stamp = self._now_on_disk()
        self.material = self._read()
        self.alert: str | None = None

    def status(self, issuer: bytes, serial: int, now: datetime) -> str:
        """`good`, `revoked` or `unknown`, from the lists that are current now."""
        return self.material.status(issuer, serial, now)

    def reload(self) -> bool:
        """Read the files again if they changed; True when new material is in use.

        Material that cannot be read or verified leaves the old in place, and says so in `alert`.
        """
        try:
            stamp = self._now_on_disk()
            if stamp == self._stamp:
                return False
            material = self._read()
        except (OSError, TrustError) as e:
            message = str(e)
            if message != self.alert:
                log.error("trust material refused, the old one stays: %s", message)
            self.alert = message
            return False
        self._stamp, self.material, self.alert = stamp, material, None
        return True

    def _files(self) -> tuple[Path, ...]:
        return (self._settings.anchors_file, *self._settings.crl_files)

    def _now_on_disk(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in (f.stat() for f in self._files()))

    def _read(self) -> TrustMaterial:
        crls = ((f.name, f.read_bytes()) for f in self._settings.crl_files)
        return read_trust(self._settings.anchors_file.read_bytes(), crls, self._settings.crl_grace_s)
