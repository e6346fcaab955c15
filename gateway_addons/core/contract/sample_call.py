"""A call as a well-behaved consumer of a contract would send it: what `explain` and the guard start from.

Every fact is the one that would be established when all is well; what a question wants otherwise is changed afterwards.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from gateway_addons.core.contract.access import Droit
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.facts import (
    AddressFacts,
    CallFacts,
    CertificateFacts,
    ClientFacts,
    Evidence,
    IdentifierFacts,
    IdentityFacts,
    Perimeter,
    RightsFacts,
    SwitchFacts,
    TokenEvidence,
    rfc3339,
)
from gateway_addons.core.routes import Route

REQUEST_ID = "00000000-0000-4000-8000-000000000001"
CORRELATION_ID = "00000000-0000-4000-8000-000000000002"
UNKNOWN_SHA256 = "0" * 64
"""Stands for the fingerprint of a certificate that the contract knows by its names alone."""


class NoSuchCall(Exception):
    """The contract has nothing that such a call could be made from; the message says what is missing."""


def sample_call(contract: Contract, route: Route, now: datetime, right: Droit | None = None) -> Evidence:
    """A call on `route` that `right` covers, as far as the route asks for a right.

    Raises:
        NoSuchCall: the route asks for a right and none is given.
    """
    certificate = sample_certificate(contract, now)
    return Evidence(
        now=now,
        environment=contract.environment,
        call=CallFacts(
            request_id=REQUEST_ID, correlation_id=CORRELATION_ID, api=contract.convention.api, method=route.method,
            path=route.path.replace("{", "").replace("}", ""), route=route.id, flux=route.flux, operation=route.operation,
            scope=route.scope),
        certificate=certificate,
        address=sample_address(contract),
        identifier=IdentifierFacts(True, contract.acces.identifiants_techniques[0], None),
        identity=sample_identity(contract, route.scope, certificate, now),
        rights=sample_rights(route, right),
        switches=(another_switch(contract),),
    )


def sample_token_request(contract: Contract, now: datetime) -> TokenEvidence:
    """A request for a token with all the client's scopes."""
    client = contract.acces.clients_oauth2[0]
    return TokenEvidence(
        now=now, environment=contract.environment, certificate=sample_certificate(contract, now),
        address=sample_address(contract), client=ClientFacts(
            client.client_id, True, None, tuple(client.scopes), client.auth.removesuffix("+mtls")),
        switches=(another_switch(contract),))


def another_switch(contract: Contract) -> SwitchFacts:
    """A cut of somebody else, with every field that a switch may have: it leaves this call alone."""
    return SwitchFacts(id="SW-00000000-000000-0000", kind="cut", environment=contract.environment, target="convention",
                       value="CONV-D-UN-AUTRE", limit=1, operations=("creer",), flux=("comptable",))


def sample_certificate(contract: Contract, now: datetime) -> CertificateFacts:
    """The contract's certificate that is registered for that day, or else its first."""
    day = now.date()
    registered = next((c for c in contract.acces.certificats if c.du <= day <= c.au), contract.acces.certificats[0])
    sha256 = registered.empreinte_sha256 or UNKNOWN_SHA256
    return CertificateFacts(
        presented=True, verified=True, failure=None, sha256=sha256, spki_sha256=registered.cle_publique_sha256 or sha256,
        subject=registered.sujet,
        issuer=registered.emetteur, serial="1", not_before=rfc3339(now - timedelta(days=30)),
        not_after=rfc3339(now + timedelta(days=30)), key_usage=("digitalSignature",), extended_key_usage=("clientAuth",),
        siren=contract.organisme.siren, siret=contract.organisme.siret_demandeur, revocation="good")


def sample_address(contract: Contract) -> AddressFacts:
    """The first address of the contract's first network."""
    source = str(ip_network(contract.acces.adresses_ip[0]).network_address)
    return AddressFacts(source, source, None)


def sample_identity(contract: Contract, scope: str | None, certificate: CertificateFacts, now: datetime) -> IdentityFacts:
    """A token of the client that has the scope, bound to the certificate."""
    clients = contract.acces.clients_oauth2
    client = next((c for c in clients if scope in c.scopes), clients[0])
    return IdentityFacts(
        presented=True, verified=True, failure=None, client_id=client.client_id, scopes=tuple(client.scopes),
        environment=contract.environment, issued_at=rfc3339(now - timedelta(minutes=1)),
        expires_at=rfc3339(now + timedelta(minutes=9)), certificate_sha256=certificate.sha256, leeway_s=0,
        revocation="good")


def sample_rights(route: Route, right: Droit | None) -> RightsFacts:
    """One entry in the first budget, exercice and période of the right. Raises `NoSuchCall`."""
    if route.flux is None:
        return RightsFacts(required=False, established=True, failure=None, entries=0, perimeters=())
    if right is None:
        raise NoSuchCall(f"no right of the contract is for {route.flux}; name the perimeter or choose another flux")
    months, exercice = right.months(), right.exercices[0]
    perimeter = Perimeter(
        flux=route.flux, operation=route.operation, siret=right.siret, budget=next(iter(right.budgets), None),
        exercice=exercice, periode=f"{exercice:04}-{months[0]}" if months else None)
    return RightsFacts(required=True, established=True, failure=None, entries=1, perimeters=(perimeter,))


def changed(document: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The input document with facts replaced, each named by its dotted place (`certificate.revocation`).

    Raises:
        NoSuchCall: a place that the document does not have.
    """
    result: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in document.items()}
    for place, value in facts.items():
        room, _, name = place.partition(".")
        if name and isinstance(result.get(room), dict) and name in result[room]:
            result[room][name] = value
        elif not name and room in result and not isinstance(result[room], dict):
            result[room] = value
        else:
            known = sorted(f"{r}.{n}" for r, v in result.items() if isinstance(v, dict) for n in v)
            raise NoSuchCall(f"no fact is called {place!r}; there are {', '.join(known)}")
    return result
