"""What was observed of one call, as frozen values; no verdicts here.

The shapes are those of the input document that OPA is asked with (config/schemas/decision_input.json): every value is
either a fact that was established or carries the `failure` that says why it could not be.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The call's names and what the route table says it does. `correlation_id` is the caller's word, for the record only."""

    request_id: str
    correlation_id: str
    api: str
    method: str
    path: str
    route: str
    flux: str | None
    operation: str
    scope: str | None

    def asked(self) -> dict[str, str | None]:
        """What policy is told: all but the names of this one call, so that two calls that do the same are one question."""
        return {"api": self.api, "method": self.method, "path": self.path, "route": self.route, "flux": self.flux,
                "operation": self.operation, "scope": self.scope}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Control C1: the client certificate of this TLS connection, and whether its path was verified (RFC 5280)."""

    presented: bool
    verified: bool
    failure: str | None
    sha256: str | None = None
    spki_sha256: str | None = None
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    key_usage: tuple[str, ...] = ()
    extended_key_usage: tuple[str, ...] = ()
    siren: str | None = None
    siret: str | None = None
    revocation: str = "unknown"


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """Control C2: where the call comes from; an IPv4-mapped IPv6 address is told as IPv4.

    `peer` is the TCP peer. `told_by` says whose word `source` is: `peer` (the socket's), `proxy_v1` or `proxy_v2` (a trusted
    balancer's), `forwarded` or `x_forwarded_for` (a trusted proxy's).
    """

    source: str | None
    peer: str | None
    failure: str | None
    told_by: str = "peer"


@dataclass(frozen=True, slots=True)
class IdentifierFacts:
    """Control C3: the header ID_Teleservice."""

    presented: bool
    value: str | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """Control C4: the access token, as its verified claims (RFC 9068) tell it; `certificate_sha256` is `cnf` (RFC 8705).

    `leeway_s` is how far ahead the issuer's clock may be; `revocation` is `good`, `last_known` (by what was known last),
    `revoked` or `unknown`.
    """

    presented: bool
    verified: bool
    failure: str | None
    client_id: str | None = None
    scopes: tuple[str, ...] = ()
    environment: str | None = None
    issued_at: str | None = None
    expires_at: str | None = None
    certificate_sha256: str | None = None
    leeway_s: int = 0
    revocation: str = "unknown"


@dataclass(frozen=True, slots=True)
class Perimeter:
    """One combination that a right must cover; budget, exercice and période are None where the flux has none."""

    flux: str
    operation: str
    siret: str
    budget: str | None
    exercice: int | None
    periode: str | None


@dataclass(frozen=True, slots=True)
class RightsFacts:
    """Control C5: the distinct perimeters of all entries, read from the very bytes that are sent on."""

    required: bool
    established: bool
    failure: str | None
    entries: int
    perimeters: tuple[Perimeter, ...]


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """The OAuth2 client at the token endpoint, and the method by which it authenticated (RFC 6749 section 2.3)."""

    client_id: str | None
    authenticated: bool
    failure: str | None
    requested_scopes: tuple[str, ...]
    method: str | None = None


@dataclass(frozen=True, slots=True)
class SwitchFacts:
    """What an operator cut or restricted and that could concern this call (8-g1, 12-a).

    `environment` None: both; `limit` in calls a minute, `operations` and `flux` what a restriction leaves (None: everything).
    """

    id: str
    kind: str
    environment: str | None
    target: str
    value: str | None
    limit: int | None = None
    operations: tuple[str, ...] | None = None
    flux: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything OPA is asked with for one call."""

    now: datetime
    environment: str
    call: CallFacts
    certificate: CertificateFacts
    address: AddressFacts
    identifier: IdentifierFacts
    identity: IdentityFacts
    rights: RightsFacts
    switches: tuple[SwitchFacts, ...]

    def document(self) -> dict[str, Any]:
        """The input document of `data.poterne.decision`, of plain values: the very ones that are sent."""
        document: dict[str, Any] = orjson.loads(orjson.dumps(self.question()))
        return document

    def question(self) -> dict[str, Any]:
        """The same document with its parts as they are, for a JSON writer that knows dataclasses."""
        return {"schema": 1, "now": second_of(self.now), "environment": self.environment, "call": self.call.asked(),
                "certificate": self.certificate, "address": self.address, "identifier": self.identifier,
                "identity": self.identity, "rights": self.rights, "switches": self.switches}


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """Everything OPA is asked with before a token is issued."""

    now: datetime
    environment: str
    certificate: CertificateFacts
    address: AddressFacts
    client: ClientFacts
    switches: tuple[SwitchFacts, ...]

    def document(self) -> dict[str, Any]:
        """The input document of `data.poterne.token.decision`, of plain values: the very ones that are sent."""
        document: dict[str, Any] = orjson.loads(orjson.dumps({"schema": 1} | asdict(self) | {"now": second_of(self.now)}))
        return document


def second_of(now: datetime) -> str:
    """The clock as policy is told it: the second that has begun. Every moment that policy compares it with is a whole second."""
    return _second(now.replace(microsecond=0))


@lru_cache(maxsize=16)
def _second(second: datetime) -> str:
    return rfc3339(second)


def rfc3339(moment: datetime) -> str:
    """UTC, microseconds, `Z` (RFC 3339)."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")[:26] + "Z"
