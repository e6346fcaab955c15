"""One OPA bundle of policies and contracts, with a revision that is the hash of what is in it."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from gateway_addons.adapters.policy.contract_files import load_contracts, load_readings
from gateway_addons.core.contract.compile import compile_contracts

BUILD_TIMEOUT_S = 60
FORBIDDEN_BUILTINS = frozenset({"http.send", "opa.runtime", "net.lookup_ip_addr", "time.now_ns", "rand.intn", "uuid.rfc4122",
                                 "io.jwt.decode_verify"})
"""A decision depends on its input and on the bundle, and on nothing else."""


class BundleError(Exception):
    """The bundle cannot be built; the message is OPA's."""


def build_bundle(opa_binary: Path, policies: Path, contracts: Path, out: Path, readings: Path | None = None) -> str:
    """Write the bundle to `out` and return its revision. `readings` is the file of how unclear clauses are read.

    Raises:
        ContractFileError, ContractConflict: a contract that cannot be used.
        BundleError: policies that OPA refuses (strict, with the forbidden builtins taken away).
    """
    data: dict[str, Any] = {
        "contracts": compile_contracts(load_contracts(contracts)),
        "readings": load_readings(readings or contracts.parent / "readings.yaml").data(),
    }
    with tempfile.TemporaryDirectory(prefix="poterne-bundle-") as scratch:
        root = Path(scratch) / "bundle"
        _copy_policies(policies, root)
        revision = _revision(root, data)
        document = json.dumps(data | {"revision": revision}, sort_keys=True, ensure_ascii=False)
        (root / "data.json").write_text(document, encoding="utf-8")
        manifest = {"revision": revision, "roots": ["poterne", "system", "contracts", "readings", "revision"]}
        (root / ".manifest").write_text(json.dumps(manifest))
        capabilities = _capabilities(opa_binary, Path(scratch) / "capabilities.json")
        built = Path(scratch) / "bundle.tar.gz"
        _opa(opa_binary, "check", "--strict", "--bundle", "--capabilities", str(capabilities), root.name, folder=root.parent)
        _opa(opa_binary, "build", "--bundle", root.name, "--output", str(built), "--capabilities", str(capabilities),
             folder=root.parent)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_suffix(".partial")
        shutil.copyfile(built, partial)
        partial.replace(out)
    return revision


def _copy_policies(policies: Path, root: Path) -> None:
    for file in sorted(policies.rglob("*.rego")):
        if not file.name.endswith("_test.rego"):
            target = root / file.relative_to(policies)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def _revision(root: Path, data: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
    for file in sorted(root.rglob("*.rego")):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return f"r-{digest.hexdigest()[:16]}"


def _capabilities(opa_binary: Path, file: Path) -> Path:
    capabilities = json.loads(_opa(opa_binary, "capabilities", "--current"))
    capabilities["builtins"] = [b for b in capabilities["builtins"] if b["name"] not in FORBIDDEN_BUILTINS]
    capabilities["allow_net"] = []
    file.write_text(json.dumps(capabilities))
    return file


def _opa(binary: Path, *arguments: str, folder: Path | None = None) -> str:
    """OPA's output; it runs in `folder`, so that the bundle names no path of this machine."""
    try:
        done = subprocess.run([str(binary.absolute()), *arguments], cwd=folder, capture_output=True, text=True,  # noqa: S603
                              timeout=BUILD_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise BundleError(f"opa {arguments[0]}: {e}") from e
    if done.returncode != 0:
        raise BundleError(f"opa {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
