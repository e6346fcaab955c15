"""Facts that are well-formed and another's: one step outside each control, with all the others left content.

A mistyped fact shows that a rule looks at it; only a well-formed one of somebody else shows that the rule compares it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from gateway_addons.core.facts import rfc3339
from gateway_addons.core.guard.question import Document, Kind, Question, with_values

NOBODY_SIREN = "999999999"
NOBODY_SHA256 = "9" * 64
STRANGERS = ("203.0.113.254", "2001:db8:ffff:ffff::fffe", "192.0.2.254", "198.51.100.254")
CERTIFICATE_FAILURES = ("absent", "chain", "expired", "not_yet_valid", "revoked", "revocation_unknown", "usage")
TOKEN_FAILURES = ("malformed", "signature", "algorithm", "issuer", "audience", "environment", "expired", "not_yet_valid",
                  "claims", "revoked")


@dataclass(frozen=True, slots=True)
class Own:
    """What the contract of the call has, as compiled for policy, and another contract of the same environment, if any."""

    contract: Mapping[str, Any]
    other: Mapping[str, Any] | None
    moment: datetime

    @property
    def pinned(self) -> bool:
        """Is its certificate registered by its fingerprint?"""
        return any(key.startswith("sha256:") for key in self.contract["certificates"])


type Row = tuple[str, tuple[str, ...], dict[str, Any]]


def foreign(document: Document, own: Own, kind: Kind) -> Iterator[Question]:
    """One question for each row that the document has the facts of."""
    rows = [*_certificate(own), *_address(own)]
    rows += [*_client(own)] if kind == "token" else [*_identifier(own), *_identity(own), *_rights(document)]
    for name, controls, changes in rows:
        changed = with_values(document, changes)
        if changed is not None:
            yield Question(name, changed, controls, kind=kind)


def _certificate(own: Own) -> Iterator[Row]:
    mine = ("certificate",)
    yield "certificate not presented", mine, {"certificate.presented": False, "certificate.verified": False,
                                             "certificate.failure": "absent"}
    yield "certificate not verified", mine, {"certificate.verified": False}
    for failure in CERTIFICATE_FAILURES:
        yield f"certificate failure {failure}", mine, {"certificate.failure": failure}
    names = {"certificate.subject": "CN=guard", "certificate.sha256": NOBODY_SHA256}
    yield "certificate of nobody", mine, names | {"identity.certificate_sha256": NOBODY_SHA256}
    yield "certificate of nobody (token)", mine, names
    if not own.pinned:
        yield "certificate of another issuer", mine, {"certificate.issuer": "CN=guard"}
    yield "certificate ended", mine, {"certificate.not_after": _at(own, -1)}
    yield "certificate not begun", mine, {"certificate.not_before": _at(own, 1)}
    yield "certificate for servers", mine, {"certificate.extended_key_usage": ["serverAuth"]}
    yield "certificate for no signature", mine, {"certificate.key_usage": ["keyEncipherment"]}
    for state in ("revoked", "unknown", "other"):
        yield f"certificate revocation {state}", mine, {"certificate.revocation": state}
    yield "certificate SIRET of another body", mine, {"certificate.siret": NOBODY_SIREN + "00011"}


def _address(own: Own) -> Iterator[Row]:
    networks = [ip_network(network) for network in own.contract["addresses"]]
    for stranger in STRANGERS:
        if not any(ip_address(stranger) in network for network in networks):
            yield f"address {stranger}", ("address",), {"address.source": stranger, "address.peer": stranger}
    yield "address a network", ("address",), {"address.source": own.contract["addresses"][0]}
    yield "address not established", ("address",), {"address.failure": "absent"}


def _identifier(own: Own) -> Iterator[Row]:
    mine = ("identifier",)
    yield "identifier absent", mine, {"identifier.presented": False, "identifier.value": None, "identifier.failure": "absent"}
    yield "identifier repeated", mine, {"identifier.failure": "duplicate"}
    yield "identifier malformed", mine, {"identifier.value": "a b"}
    yield "identifier of nobody", mine, {"identifier.value": "TS-GUARD-NOBODY"}
    if own.other:
        yield "identifier of another contract", mine, {"identifier.value": own.other["identifiers"][0]}


def _identity(own: Own) -> Iterator[Row]:
    mine = ("identity",)
    yield "token absent", mine, {"identity.presented": False, "identity.verified": False, "identity.failure": "absent"}
    yield "token not verified", mine, {"identity.verified": False}
    for failure in TOKEN_FAILURES:
        yield f"token failure {failure}", mine, {"identity.failure": failure}
    yield "token of nobody", mine, {"identity.client_id": "guard-nobody"}
    if own.other:
        yield "token of another contract", mine, {"identity.client_id": next(iter(own.other["clients"]))}
    yield "token of the other environment", mine, {"identity.environment": "guard"}
    yield "token ended", mine, {"identity.expires_at": _at(own, 0)}
    yield "token of the future", mine, {"identity.issued_at": _at(own, 3600)}
    yield "token of another certificate", mine, {"identity.certificate_sha256": NOBODY_SHA256}
    for state in ("revoked", "unknown"):
        yield f"token revocation {state}", mine, {"identity.revocation": state}
    yield "SIREN of another body", mine, {"certificate.siren": NOBODY_SIREN, "certificate.siret": None}
    yield "SIREN of nobody", mine, {"certificate.siren": None, "certificate.siret": None}


def _client(own: Own) -> Iterator[Row]:
    mine = ("client",)
    yield "client not authenticated", mine, {"client.authenticated": False}
    yield "client failure secret", mine, {"client.failure": "secret"}
    yield "client of nobody", mine, {"client.client_id": "guard-nobody"}
    if own.other:
        yield "client of another contract", mine, {"client.client_id": next(iter(own.other["clients"]))}
    yield "client asks for another scope", mine, {"client.requested_scopes": ["guard_scope"]}
    yield "SIREN of another body", mine, {"certificate.siren": NOBODY_SIREN, "certificate.siret": None}


def _rights(document: Document) -> Iterator[Row]:
    mine = ("rights",)
    yield "call to another API", mine, {"call.api": "guard"}
    yield "rights not established", mine, {"rights.established": False}
    yield "rights failure body_unreadable", mine, {"rights.failure": "body_unreadable"}
    if document["call"]["scope"] is None:
        return
    yield "scope not in the token", mine, {"identity.scopes": []}
    yield "scope of another flux", mine, {"call.scope": "guard_scope", "identity.scopes": ["guard_scope"]}
    yield "rights not required", mine, {"rights.required": False}
    yield "no entries", mine, {"rights.entries": 0}
    yield "no perimeters", mine, {"rights.perimeters": []}
    yield "too many perimeters", mine, {"rights.perimeters": document["rights"]["perimeters"] * 1001}


def _at(own: Own, seconds: int) -> str:
    return rfc3339(own.moment + timedelta(seconds=seconds))
