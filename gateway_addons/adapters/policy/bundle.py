"""One OPA bundle of policies, contracts and readings: checked strictly, named by its revision, signed.

The signature is OPA's own (ES256, `.signatures.json`): it covers every file of the bundle, and OPA verifies it before a
bundle takes effect. Who signs names the key and the scope, since OPA accepts unsigned bundles where no key is demanded.
"""

import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_addons.adapters.policy.contract_files import load_contracts, load_exceptions, load_readings
from gateway_addons.adapters.policy.opa_binary import BundleError, opa, write_capabilities
from gateway_addons.core.contract.compile import compile_contracts
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.policy_exception import PolicyExceptions
from gateway_addons.core.revision import Revision

CODE_ROOTS = ("poterne", "system")
MAX_BUNDLE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that a revision is made from, and the OPA that checks and builds it."""

    opa: Path
    rego: Path
    contracts: Path
    readings: Path
    schemas: Path | None = None
    exceptions: Path | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """The private key (EC P-256, PEM), and what the signature says of itself."""

    key_file: Path
    key_id: str
    scope: str


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a revision, without its name: OPA's data, and the modules by their paths (`poterne/x/x.rego`)."""

    data: Mapping[str, Any]
    modules: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """The hash that names the content: equal files, equal digest, on every machine."""
        digest = hashlib.sha256(json.dumps(self.data, sort_keys=True, ensure_ascii=False).encode())
        for name, text in sorted(self.modules.items()):
            digest.update(name.encode() + b"\0" + text + b"\0")
        return digest.hexdigest()[:16]


def read_sources(sources: Sources) -> Content:
    """The content that the files say now.

    Raises:
        ContractFileError, ContractConflict: a contract or the readings cannot be used.
    """
    data = policy_data(load_contracts(sources.contracts), load_readings(sources.readings).data(), exceptions_of(sources))
    files = sorted(f for f in sources.rego.rglob("*.rego") if not f.name.endswith("_test.rego"))
    return Content(data, {str(f.relative_to(sources.rego)): f.read_bytes() for f in files})


def policy_data(contracts: Iterable[tuple[str, Contract]], readings: Mapping[str, Any],
                exceptions: PolicyExceptions | None = None) -> dict[str, Any]:
    """OPA's data, but for the revision: contracts by (file's name, contract), `data.readings`, exceptions (none by default)."""
    granted = exceptions or PolicyExceptions(version_schema=1)
    return {"contracts": compile_contracts(contracts), "readings": readings, "exceptions": granted.data()}


def exceptions_of(sources: Sources) -> PolicyExceptions:
    """The exceptions that the files grant now; none when there is no such file in the settings."""
    return load_exceptions(sources.exceptions) if sources.exceptions else PolicyExceptions(version_schema=1)


def write_bundle(content: Content, out: Path, sequence: int, sources: Sources, signer: Signer | None) -> Revision:
    """Write the bundle of this content under the next sequence; without a signer it is unsigned, for OPAs of tests.

    Raises:
        BundleError: policies that OPA refuses: strict, with the schemas, with the forbidden builtins taken away.
    """
    revision = Revision(sequence, content.digest)
    with tempfile.TemporaryDirectory(prefix="poterne-bundle-") as scratch:
        root = Path(scratch) / "bundle"
        _lay_out(content, root, revision)
        capabilities = write_capabilities(sources.opa, Path(scratch) / "capabilities.json")
        schemas = ("--schema", str(sources.schemas.resolve())) if sources.schemas else ()
        opa(sources.opa, "check", "--strict", "--bundle", "--capabilities", str(capabilities), *schemas, ".", folder=root)
        built = Path(scratch) / "bundle.tar.gz"
        opa(sources.opa, "build", "--bundle", ".", "--output", str(built), "--capabilities", str(capabilities),
            *_signing(signer, Path(scratch)), folder=root)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_suffix(".partial")
        shutil.copyfile(built, partial)
        partial.replace(out)
    return revision


def build_bundle(sources: Sources, out: Path, sequence: int = 1, signer: Signer | None = None) -> Revision:
    """Read the sources and write their bundle. Raises like `read_sources` and `write_bundle`."""
    return write_bundle(read_sources(sources), out, sequence, sources, signer)


def read_bundle(file: Path) -> Content:
    """What is in a bundle of the store; its signature is not looked at here (OPA does).

    Raises:
        BundleError: not a bundle of ours.
    """
    texts: dict[str, bytes] = {}
    try:
        with tarfile.open(file, "r:gz") as bundle:
            for member in bundle:
                part = bundle.extractfile(member) if member.isfile() and member.size <= MAX_BUNDLE_BYTES else None
                if part is not None:
                    texts[member.name.lstrip("./")] = part.read()
        data = json.loads(texts["data.json"])
        data.pop("revision")
    except (OSError, tarfile.TarError, EOFError, KeyError, ValueError, AttributeError) as e:
        raise BundleError(f"{file}: not a bundle of this store: {e!r}") from e
    return Content(data, {name: text for name, text in texts.items() if name.endswith(".rego")})


def manifest_roots(data: Iterable[str]) -> list[str]:
    """What the bundle owns in OPA: its packages and every document of its data."""
    return sorted({*CODE_ROOTS, *data, "revision"})


def _lay_out(content: Content, root: Path, revision: Revision) -> None:
    root.mkdir()
    for name, text in content.modules.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
    document = json.dumps({**content.data, "revision": str(revision)}, sort_keys=True, ensure_ascii=False)
    (root / "data.json").write_text(document, encoding="utf-8")
    manifest = {"revision": str(revision), "roots": manifest_roots(content.data), "rego_version": 1}
    (root / ".manifest").write_text(json.dumps(manifest), encoding="utf-8")


def _signing(signer: Signer | None, scratch: Path) -> tuple[str, ...]:
    if signer is None:
        return ()
    if not signer.key_file.is_file():
        raise BundleError(f"{signer.key_file}: no signing key (policy.signing.signing_key_file); "
                          "`poterne policy keys` makes a pair")
    claims = scratch / "claims.json"
    claims.write_text(json.dumps({"keyid": signer.key_id, "scope": signer.scope}), encoding="utf-8")
    return ("--signing-alg", "ES256", "--signing-key", str(signer.key_file.resolve()), "--claims-file", str(claims))
