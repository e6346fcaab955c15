"""A question about a call, from a few words: `would this pass?` What is not said is as a well-behaved consumer would send it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway_addons.core.contract.access import Droit
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.sample_call import NoSuchCall, changed, sample_call
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.rights import rights_facts
from gateway_addons.core.routes import Api, Route, RouteTable


class CallQuestion(BaseModel):
    """What a question may say; everything is optional.

    `method` and `path` with `body` (and `headers`) ask about a request as it is sent: its rights are read from it. `flux`,
    `operation`, `siret`, `budget`, `exercice`, `periode` ask about one perimeter. `facts` replace single facts of the input
    document by their dotted place (`certificate.revocation: revoked`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime | None = None
    method: str | None = None
    path: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    flux: str | None = None
    operation: str | None = None
    siret: str | None = None
    budget: str | None = None
    exercice: int | None = None
    periode: str | None = None
    address: str | None = None
    identifier: str | None = None
    client_id: str | None = None
    scopes: tuple[str, ...] | None = None
    certificate_sha256: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


def question_document(question: CallQuestion, contract: Contract, api: Api, now: datetime) -> dict[str, Any]:
    """The input document that OPA is asked with.

    Raises:
        NoSuchCall: a path, flux or operation that the API does not have, or a fact that there is none of.
    """
    moment = (question.at or now).astimezone(UTC)
    if question.path is not None:
        document = _request(question, contract, api, moment)
    else:
        document = _perimeter(question, contract, api, moment)
    replaced: dict[str, Any] = {
        "address.source": question.address, "address.peer": question.address, "identifier.value": question.identifier,
        "identity.client_id": question.client_id,
        "identity.scopes": list(question.scopes) if question.scopes is not None else None,
        "certificate.sha256": question.certificate_sha256, "identity.certificate_sha256": question.certificate_sha256}
    return changed(document, {k: v for k, v in replaced.items() if v is not None} | question.facts)


def _request(question: CallQuestion, contract: Contract, api: Api, now: datetime) -> dict[str, Any]:
    """The rights that the very request asks for."""
    try:
        match = RouteTable((api,)).find((question.method or "POST").upper(), question.path or "")
    except Refusal as e:
        raise NoSuchCall(f"{question.method} {question.path}: {e.code}: {e.detail}") from e
    given = {name.lower(): value for name, value in question.headers.items()}
    body = b"" if question.body is None else json.dumps(question.body).encode()
    rights = rights_facts(match, body, lambda name: [given[name]] if name in given else [])
    fallback = next((d for d in contract.droits if d.flux == match.route.flux), next(iter(contract.droits), None))
    document = sample_call(contract, match.route, now, fallback).document()
    document["call"]["path"] = question.path
    document["rights"] = json.loads(json.dumps(asdict(rights)))
    return document


def _perimeter(question: CallQuestion, contract: Contract, api: Api, now: datetime) -> dict[str, Any]:
    route, right = _route(question, contract, api)
    document = sample_call(contract, route, now, right).document()
    asked = {name: getattr(question, name) for name in ("siret", "budget", "exercice", "periode")
             if getattr(question, name) is not None}
    if "exercice" in asked and "periode" not in asked and right is not None and right.periodes:
        asked["periode"] = f"{asked['exercice']:04}-{right.months()[0]}"
    if asked and document["rights"]["perimeters"]:
        document["rights"]["perimeters"] = [document["rights"]["perimeters"][0] | asked]
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def _route(question: CallQuestion, contract: Contract, api: Api) -> tuple[Route, Droit | None]:
    """The route of the asked flux and operation; by default those of the first right."""
    right = next((d for d in contract.droits if question.flux in {None, d.flux}
                  and (question.operation is None or question.operation in d.operations)), None)
    first = right or next(iter(contract.droits), None)
    flux = question.flux or (first.flux if first else None)
    wanted = question.operation or (right.operations[0] if right else None)
    for route in api.routes:
        if route.flux == flux and wanted in {None, route.operation}:
            return route, right or first
    raise NoSuchCall(f"{api.api} has no operation {wanted!r} on flux {flux!r}; it has "
                     + ", ".join(f"{f}:{o}" for f, found in sorted(api.operations.items()) for o in sorted(found)))
