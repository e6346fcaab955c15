"""What a listener shows, whom it believes, what it bounds, and the backend behind it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.settings.trust import OcspAuthority
from gateway_addons.settings.values import Frozen, Seconds

BackendUrl = Annotated[str, StringConstraints(pattern=r"^http://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$")]
PolicyOid = Annotated[str, StringConstraints(pattern=r"^[0-2](\.(0|[1-9][0-9]{0,18})){1,20}$")]


class Limits(Frozen):
    """The bounds of what a client may send, and for how long; each worker holds them for itself.

    `max_connections_per_address` counts an IPv6 /64 as one. `max_buffered_bytes` is what all request bodies together may
    take, half of it for one address. `send_timeout_s` is how long a client may leave an answer untaken.
    """

    max_head_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 16 * 1024
    max_header_count: Annotated[int, Field(ge=8, le=1000)] = 64
    max_handshake_bytes: Annotated[int, Field(ge=4096, le=1 << 20)] = 32 * 1024
    max_pipelined_bytes: Annotated[int, Field(ge=0, le=1 << 20)] = 64 * 1024
    max_connections: Annotated[int, Field(ge=1)] = 2000
    max_connections_per_address: Annotated[int, Field(ge=1)] = 500
    max_buffered_bytes: Annotated[int, Field(ge=1024)] = 256 * 1024 * 1024
    handshake_timeout_s: Seconds = 10.0
    head_timeout_s: Seconds = 10.0
    body_timeout_s: Seconds = 60.0
    idle_timeout_s: Seconds = 60.0
    decision_timeout_s: Seconds = 5.0
    send_timeout_s: Seconds = 30.0


class ServerIdentity(Frozen):
    """The certificate that the listener shows: leaf and chain in one PEM file, and its key."""

    certificate_file: Path
    key_file: Path


class ClientTrust(Frozen):
    """Which client certificates are believed (control C1).

    `refusal: alert` ends the handshake with a TLS alert; `answer` completes it, so that every call on the connection is
    refused with an INF-CERT-0x answer. `crl_grace_s` is how long after `nextUpdate` a revocation list still counts;
    `crl_number: required` refuses a list without cRLNumber. `max_depth` authorities at most stand between a client's
    certificate and the anchor; when `required_policies` names OIDs, one of them must hold along the path. Every authority of
    `anchors_file` needs a list in `crl_files`, or to be among `ocsp`. The self-signed certificates of `self_signed_file` are
    admitted one by one (RFC 8705 section 2.2); whoever takes one out of the file revokes it.
    """

    anchors_file: Path
    crl_files: tuple[Path, ...] = ()
    crl_grace_s: Annotated[float, Field(ge=0, le=7 * 86400)] = 0
    crl_number: Literal["required", "optional"] = "optional"
    max_depth: Annotated[int, Field(ge=0, le=8)] = 4
    required_policies: tuple[PolicyOid, ...] = ()
    ocsp: tuple[OcspAuthority, ...] = ()
    self_signed_file: Path | None = None
    refusal: Literal["alert", "answer"] = "alert"

    @model_validator(mode="after")
    def _revocation(self) -> "ClientTrust":
        if not self.crl_files and not self.ocsp:
            raise ValueError("crl_files or ocsp: without one of them nobody could tell a revoked certificate (4-C1)")
        return self


class BackendOfApi(Frozen):
    """The backend of one API that has one of its own; `health_path` answers 200 while it works."""

    url: BackendUrl
    health_path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/._-]*$")] = "/health/live"


class Backend(Frozen):
    """The INFINOE backend of the environment: plain HTTP on the same machine or a private network, no path."""

    url: BackendUrl
    answer_timeout_s: Seconds = 10.0
    max_answer_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
