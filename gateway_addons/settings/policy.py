"""How policy is asked, and where its revisions come from, are kept and are served (docs/policy.md)."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from gateway_addons.settings.values import Frozen, Listen, Seconds


class Opa(Frozen):
    """How OPA is asked: `unix:///path` or `http://host:port`; one attempt, one short time-out.

    `keep_decisions`: the same question in the same second of the same revision is asked once (docs/adr/0042).
    """

    address: Annotated[str, StringConstraints(pattern=r"^(unix:///|http://)")]
    timeout_s: Seconds = 1.0
    keep_decisions: bool = False


class Signing(Frozen):
    """Who signs bundles (ES256) and what OPA believes.

    `key_id` and `scope` are always demanded: without a key id OPA accepts unsigned bundles. The private key is needed where
    revisions are built and activated, not by the gateway; it may be left out there.
    """

    verification_key_file: Path
    signing_key_file: Path | None = None
    key_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "poterne-1"
    scope: Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]{1,64}$")] = "poterne"


class BundleService(Frozen):
    """Where `poterne policy serve` gives OPA the active bundle: loopback only, with a bearer token."""

    listen: Listen
    token_file: Path
    long_poll_s: Annotated[int, Field(ge=1, le=300)] = 20

    @field_validator("listen")
    @classmethod
    def _loopback(cls, listen: Listen) -> Listen:
        if not ip_address(listen.host).is_loopback:
            raise ValueError(f"{listen.host} is not loopback: bundles hold contracts and are for the OPA of this machine")
        return listen


class Policy(Frozen):
    """What a revision is made from, and the store of revisions.

    The gateway itself uses only `store_folder`, for the highest revision that it has seen and the one that OPA is offered.
    `guard_folder` keeps what the guard found, for a day, in the store unless set.
    """

    store_folder: Path
    rego_folder: Path
    contracts_folder: Path
    readings_file: Path
    schemas_folder: Path
    exceptions_file: Path | None = None
    guard_folder: Path | None = None
    opa_file: Path
    signing: Signing
    bundles: BundleService
    activation_timeout_s: Annotated[float, Field(ge=1, le=600)] = 60
