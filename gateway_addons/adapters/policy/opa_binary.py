"""OPA's command line, for what is done with policies before they are served."""

import json
import subprocess
from pathlib import Path

TIMEOUT_S = 120
FORBIDDEN_BUILTINS = frozenset({
    "http.send", "opa.runtime", "net.lookup_ip_addr", "time.now_ns", "rand.intn", "uuid.rfc4122", "io.jwt.decode_verify",
    "io.jwt.encode_sign", "io.jwt.encode_sign_raw", "trace", "print", "internal.print",
})
"""A decision depends on its input and on the bundle, and on nothing else; nothing of it reaches OPA's log."""


class BundleError(Exception):
    """The bundle cannot be built, or is not what it says; the message is OPA's, or says which file and why."""


def opa(binary: Path, *arguments: str, folder: Path | None = None, accept: tuple[int, ...] = (0,)) -> str:
    """OPA's output; it runs in `folder`, so that the bundle names no path of this machine.

    Raises:
        BundleError: it cannot be run, takes too long or refuses.
    """
    try:
        done = subprocess.run([str(binary.absolute()), *arguments], cwd=folder, capture_output=True, text=True,  # noqa: S603
                              timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise BundleError(f"opa {arguments[0]}: {e}") from e
    if done.returncode not in accept:
        raise BundleError(f"opa {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def write_capabilities(binary: Path, file: Path) -> Path:
    """What policies may use: this OPA's builtins without the forbidden ones, and no host of any network."""
    capabilities = json.loads(opa(binary, "capabilities", "--current"))
    capabilities["builtins"] = [b for b in capabilities["builtins"] if b["name"] not in FORBIDDEN_BUILTINS]
    capabilities["allow_net"] = []
    file.write_text(json.dumps(capabilities))
    return file
