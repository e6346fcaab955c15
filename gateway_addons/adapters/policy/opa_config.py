"""OPA's own configuration: where the bundle comes from, whose signature is believed, and how little it answers."""

from pathlib import Path
from typing import Any

from gateway_addons.settings.policy import Policy

BUNDLE = "poterne"
"""The name of the one bundle, in OPA's status too."""

BUNDLE_PATH = "/bundles/poterne.tar.gz"
MAX_QUESTION_BYTES = 2 * 1024 * 1024
"""1,000 perimeters are about 150 kB."""


def base_config() -> dict[str, Any]:
    """What holds for every OPA of the gateway: bounded questions, a status, no decision log (the journal is the record)."""
    return {
        "server": {"decoding": {"max_length": MAX_QUESTION_BYTES, "gzip": {"max_length": MAX_QUESTION_BYTES}}},
        "status": {"console": False, "prometheus": True},
    }


def opa_config(policy: Policy, persistence: Path) -> dict[str, Any]:
    """The configuration of the OPA that the gateway asks; `persistence` keeps the last bundle over a restart.

    `signing.keyid` and `scope` are always set: without them OPA takes an unsigned bundle. The persisted bundle is verified
    again when it is read.

    Raises:
        OSError: the verification key cannot be read.
    """
    listen, signing = policy.bundles.listen, policy.signing
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return base_config() | {
        "persistence_directory": str(persistence),
        "services": {BUNDLE: {
            "url": f"http://{host}:{listen.port}",
            "credentials": {"bearer": {"token_path": str(policy.bundles.token_file)}},
        }},
        "keys": {signing.key_id: {"algorithm": "ES256", "key": signing.verification_key_file.read_text(encoding="ascii"),
                                  "scope": signing.scope}},
        "bundles": {BUNDLE: {
            "service": BUNDLE, "resource": BUNDLE_PATH, "persist": True,
            "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1,
                        "long_polling_timeout_seconds": policy.bundles.long_poll_s},
            "signing": {"keyid": signing.key_id, "scope": signing.scope},
        }},
    }
