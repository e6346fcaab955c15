"""How the journal names what a listener believes and shows: files, digests, numbers, fingerprints; never a key."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.in_use import InUse
from gateway_addons.core.revocation_list import RevocationList
from gateway_addons.core.server_identity import ServerMaterial
from gateway_addons.core.trust import TrustMaterial
from gateway_addons.settings.listener import ClientTrust


def believed(environment: str, settings: ClientTrust, material: TrustMaterial, digests: Mapping[str, str]) -> Iterator[InUse]:
    """The authorities, the lists, and the certificates that are admitted by themselves."""
    authorities = (*material.anchors, *material.intermediates)
    yield InUse("autorites", environment, "", f"sha256:{digests['autorites']}",
                {"fichier": str(settings.anchors_file), "nombre": str(len(authorities))}, _certificates(authorities))
    if settings.self_signed_file is not None:
        yield InUse("autosignes", environment, "", f"sha256:{digests['autosignes']}",
                    {"fichier": str(settings.self_signed_file), "nombre": str(len(material.self_signed))},
                    {f"sha256:{c.fingerprint(SHA256()).hex()}": "" for c in material.self_signed.values()})
    files = {file.name: file for file in settings.crl_files}
    seen: set[str] = set()
    for one in material.lists:
        again = one.name in seen  # a newer list stays in use beside the file's, which has a lower number
        seen.add(one.name)
        yield _list(environment, one, f"{one.name} (conservee)" if again else one.name, files.get(one.name))


def _list(environment: str, one: RevocationList, name: str, file: Path | None) -> InUse:
    about = {"fichier": str(file or ""), "emetteur": one.crl.issuer.rfc4514_string()[:300],
             "numero": _number(one.number), "deltaDe": _number(one.delta_of),
             "thisUpdate": rfc3339(one.this_update), "nextUpdate": rfc3339(one.next_update), "entrees": str(len(one.entries))}
    return InUse("crl" if one.delta_of is None else "crl_delta", environment, name, f"sha256:{one.sha256}", about)


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _certificates(found: tuple[x509.Certificate, ...]) -> dict[str, str]:
    """By subject; two certificates of one subject are told apart by their serial numbers."""
    return {f"{c.subject.rfc4514_string()[:200]} n {c.serial_number:x}": c.fingerprint(SHA256()).hex() for c in found}


def shown(environment: str, file: Path, material: ServerMaterial) -> InUse:
    """The listener's certificate; of its key the fingerprint of the public half alone."""
    leaf = material.chain[0]
    public = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    about = {"fichier": str(file), "sujet": leaf.subject.rfc4514_string()[:300], "emetteur": leaf.issuer.rfc4514_string()[:300],
             "serie": f"{leaf.serial_number:x}", "finChaine": rfc3339(material.ends),
             "clePublique": f"sha256:{_sha256(public)}", "certificats": str(len(material.chain))}
    chain = b"".join(c.public_bytes(Encoding.DER) for c in material.chain)
    return InUse("certificat_serveur", environment, "", f"sha256:{_sha256(chain)}", about)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
