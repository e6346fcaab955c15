"""Authorities and revocation lists in files; read again when they change, and never replaced by something worse."""

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import Link, PathRules, VerifiedPath
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

    def validate(self, leaf_der: bytes, intermediates_der: Sequence[bytes], now: datetime) -> VerifiedPath:
        """`verify_client_chain` with the material that is current now. Raises `PathRefused`."""
        return verify_client_chain(leaf_der, intermediates_der, self.material, now)

    async def prepare(self, links: Sequence[Link], now: datetime) -> None:
        """Lists are at hand already."""

    def status(self, link: Link, now: datetime) -> str:
        """`good`, `revoked` or `unknown`, from the lists that are current now."""
        return self.material.status(link, now)

    def reload(self) -> bool:
        """Read the files again if they changed; True when new material is in use.

        Material that cannot be read or verified leaves the old in place, and says so in `alert`. Reading takes as long as
        the lists are large: call it in a thread.
        """
        try:
            stamp = self._now_on_disk()
            if stamp == self._stamp:
                return False
            material, alerts = self._read().after(self.material)
        except (OSError, TrustError) as e:
            self._say(f"trust material refused, the old one stays: {e}")
            return False
        self._stamp, self.material = stamp, material
        self._say("; ".join(alerts) or None)
        return True

    def _say(self, alert: str | None) -> None:
        if alert and alert != self.alert:
            log.error("%s", alert)
        self.alert = alert

    def _files(self) -> tuple[Path, ...]:
        return (self._settings.anchors_file, *self._settings.crl_files)

    def _now_on_disk(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in (f.stat() for f in self._files()))

    def _read(self) -> TrustMaterial:
        own = self._settings
        crls = ((f.name, f.read_bytes()) for f in own.crl_files)
        rules = PathRules(max_depth=own.max_depth, required_policies=frozenset(own.required_policies))
        return read_trust(own.anchors_file.read_bytes(), crls, own.crl_grace_s, rules=rules,
                          crl_number_required=own.crl_number == "required")
