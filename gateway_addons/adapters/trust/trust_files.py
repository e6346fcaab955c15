"""Authorities and revocation lists in files; read again when they change, and never replaced by something worse."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509

from gateway_addons.adapters.trust.ocsp_responders import OcspResponders
from gateway_addons.adapters.trust.path_validation import verify_client_chain
from gateway_addons.core.path import Link, PathRefused, PathRules, VerifiedPath, key_name
from gateway_addons.core.trust import TrustError, TrustMaterial, read_trust
from gateway_addons.settings.listener import ClientTrust
from gateway_addons.settings.trust import OcspAuthority

log = logging.getLogger(__name__)


def _online(settings: ClientTrust) -> list[tuple[x509.Certificate, OcspAuthority]]:
    try:
        return [(x509.load_pem_x509_certificate(one.authority_file.read_bytes()), one) for one in settings.ocsp]
    except ValueError as e:
        raise TrustError(f"ocsp: an authority_file that is not a PEM certificate ({e})") from e


class TrustFiles:
    """The trust of one environment; implements `core.ports.RevocationLists`."""

    def __init__(self, settings: ClientTrust) -> None:
        self._settings = settings
        self._online = _online(settings)
        self._responders = OcspResponders({key_name(a): s for a, s in self._online})
        self._stamp = self._now_on_disk()
        self.material, self.digests = self._read()
        """What is believed, and the SHA-256 of the files that it was read from."""
        self.alert: str | None = None

    def validate(self, leaf_der: bytes, intermediates_der: Sequence[bytes], now: datetime) -> VerifiedPath:
        """`verify_client_chain` with the material that is current now. Raises `PathRefused`.

        Of the authorities that are asked by OCSP only what is remembered counts here: nobody waits in a handshake. Before
        each call `prepare` asks.
        """
        path = verify_client_chain(leaf_der, intermediates_der, self.material, now)
        if any(self._responders.status(link, now) == "revoked" for link in path.links):
            raise PathRefused("revoked", "revocation", "an OCSP responder says so")
        return path

    async def prepare(self, links: Sequence[Link], now: datetime) -> None:
        """Ask the OCSP responders that there are; lists are at hand already."""
        await self._responders.prepare(links, now)

    def status(self, link: Link, now: datetime) -> str:
        """`good`, `revoked` or `unknown`, from the lists that are current now and, for some authorities, from OCSP.

        What either of them revokes is revoked.
        """
        by_lists = self.material.status(link, now)
        if not self._responders.answers_for(link) or by_lists == "revoked":
            return by_lists
        return self._responders.status(link, now)

    def reload(self) -> bool:
        """Read the files again if they changed; True when new material is in use.

        Material that cannot be read or verified leaves the old in place, and says so in `alert`. Reading takes as long as
        the lists are large: call it in a thread.
        """
        try:
            stamp = self._now_on_disk()
            if stamp == self._stamp:
                return False
            read, digests = self._read()
            material, alerts = read.after(self.material)
        except (OSError, TrustError) as e:
            self._say(f"trust material refused, the old one stays: {e}")
            return False
        self._stamp, self.material, self.digests = stamp, material, digests
        self._say("; ".join(alerts) or None)
        return True

    def _say(self, alert: str | None) -> None:
        if alert and alert != self.alert:
            log.error("%s", alert)
        self.alert = alert

    def _files(self) -> tuple[Path, ...]:
        own = self._settings
        return (own.anchors_file, *own.crl_files, *([own.self_signed_file] if own.self_signed_file else ()))

    def _now_on_disk(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in (f.stat() for f in self._files()))

    def _read(self) -> tuple[TrustMaterial, dict[str, str]]:
        """What the files hold, and the SHA-256 of each file that is no list (a list knows its own)."""
        own = self._settings
        anchors = own.anchors_file.read_bytes()
        self_signed = own.self_signed_file.read_bytes() if own.self_signed_file else b""
        digests = {"autorites": hashlib.sha256(anchors).hexdigest(), "autosignes": hashlib.sha256(self_signed).hexdigest()}
        crls = ((f.name, f.read_bytes()) for f in own.crl_files)
        rules = PathRules(max_depth=own.max_depth, required_policies=frozenset(own.required_policies))
        material = read_trust(anchors, crls, own.crl_grace_s, rules=rules,
                              online=[a for a, _ in self._online], crl_number_required=own.crl_number == "required",
                              self_signed_pem=self_signed)
        return material, digests
