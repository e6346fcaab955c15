"""Contracts with one thing changed: what a contract says must count, and not only what a call says.

Each variant is the compiled contract under an identity of its own, so that one OPA serves all of them beside the candidate's
contracts; its call is the allowed call of the contract, under that identity. A member taken out of the contract is a
variant too: absence in data opens gates as absence in a call does.
"""

import copy
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway_addons.core.facts import rfc3339
from gateway_addons.core.guard.question import Document, Question, with_values

PARIS = ZoneInfo("Europe/Paris")
NOT_NEEDED = frozenset({"organisation", "enveloppe_intervention_distincte", "identifiers", "quota"})
"""Members that no verdict needs: what the backend is told and what is charged. Without one of them the decision is not
whole, and the gateway refuses it as such (`core/decision.py`)."""

type Compiled = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """A contract to add to `data.contracts`, and the question that must be refused for it."""

    own: str
    contract: Compiled
    identifier_of: str
    client_of: str
    question: Question


def untouched(contract: Mapping[str, Any], document: Document) -> Variant:
    """The contract under another identity and nothing else: its call must be allowed, or the variants show nothing."""
    return _variant(contract, document, "untouched", (), {})


def variants(contract: Mapping[str, Any], document: Document, moment: datetime) -> Iterator[Variant]:
    """Every variant of a contract whose call `document` is allowed at this moment."""
    for name, control, changes in _changes(contract, moment):
        yield _variant(contract, document, name, (control,), changes)
    for member in sorted(contract.keys() - NOT_NEEDED - {"id"}):
        yield _variant(contract, document, f"contract without {member}", (), {}, member)
    number = _right_of(contract, document)
    for name, changes in _right_changes(contract, moment, number):
        yield _variant(contract, document, name, ("rights",), {"rights": [{**r, **changes} for r in contract["rights"]]})
    yield from _index_variants(contract, document)


def _changes(contract: Mapping[str, Any], moment: datetime) -> Iterator[tuple[str, str, dict[str, Any]]]:
    today = moment.astimezone(PARIS).date()
    before, after = str(today - timedelta(days=1)), str(today + timedelta(days=1))
    earlier, later = rfc3339(moment - timedelta(hours=1)), rfc3339(moment + timedelta(hours=1))
    for etat in ("brouillon", "instruite", "suspendue_homologation", "coupee_preventive", "terminee", "inconnu"):
        yield f"contract {etat}", "contract", {"etat": etat}
    yield "contract with a condition missing", "contract", {"missing": ["1-a"]}
    yield "contract opened later", "contract", {"opens": later}
    yield "contract never opened", "contract", {"opens": None}
    yield "contract whose exchange ended", "contract", {"ends": str(today)}
    over = {"notified": str(today - timedelta(days=95)), "effective": None, "at_once": False}
    yield "contract after its notice", "contract", {"termination": over}
    yield "contract ended at once", "contract", {"termination": {"notified": str(today), "effective": None, "at_once": True}}
    for name, end in (("for an hour", later), ("without end", None)):
        yield f"contract suspended {name}", "contract", {"suspensions": [{"motif": "guard", "from": earlier, "to": end}]}
    yield "contract without security", "contract", {"security": {"way": "none", "risk": None}}
    security = contract["security"]
    yield "contract with a risk overdue", "contract", {"security": {**security, "risk": {"deadline": before, "resolved": None}}}
    for name, changed in _attestations(security, before, after):
        yield f"contract {name}", "contract", {"security": {**security, "attestations": [changed]}}
    for name, changed in (("not begun", {"from": after}), ("ended", {"to": before}), ("for servers", {"eku": ["serverAuth"]})):
        registrations = {key: [{**r, **changed} for r in found] for key, found in contract["certificates"].items()}
        yield f"registration {name}", "certificate", {"certificates": registrations}
    yield "contract of other networks", "address", {"addresses": ["203.0.113.0/24"]}
    yield "contract of no network", "address", {"addresses": []}
    yield "contract of another SIREN", "identity", {"siren": "999999999"}
    yield "contract for another API", "rights", {"api": "guard"}
    yield "contract without rights", "rights", {"rights": []}
    yield "contract whose clients have no scope", "rights", {
        "clients": {name: {**client, "scopes": []} for name, client in contract["clients"].items()}}


def _attestations(security: Mapping[str, Any], before: str, after: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if security["way"] != "homologation":
        return
    attestation = security["attestations"][0]
    yield "with an attestation that ended", {**attestation, "to": before}
    yield "with an attestation not pronounced, received and begun", {**attestation, "since": after}
    yield "with an attestation never received", {**attestation, "since": None, "received": None}


def _right_changes(contract: Mapping[str, Any], moment: datetime, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    today = moment.astimezone(PARIS).date()
    before, after = str(today - timedelta(days=1)), str(today + timedelta(days=1))
    right = contract["rights"][number]
    yield "rights not begun", {"from": after}
    yield "rights ended", {"to": before}
    yield "rights whose text is not in force", {"text": {**right["text"], "from": after}}
    yield "rights whose text ended", {"text": {**right["text"], "to": before}}
    yield "rights of another flux", {"flux": "guard"}
    yield "rights for no operation", {"operations": []}
    yield "rights for another SIRET", {"siret": "99999999900011"}
    yield "rights for other budgets", {"budgets": ["XX/99"]}
    yield "rights for another exercice", {"exercices": [1999]}
    yield "rights for another periode", {"months": ["99"]}


def _index_variants(contract: Mapping[str, Any], document: Document) -> Iterator[Variant]:
    """The identifier, or the client, leads to another contract: the four identities must be one."""
    for name, control in (("identifier", "identifier"), ("client", "identity")):
        made = _variant(contract, document, f"{name} of another contract in the index", (control,), {})
        yield Variant(made.own, made.contract, "guard-other" if name == "identifier" else made.identifier_of,
                      "guard-other" if name == "client" else made.client_of, made.question)


def _variant(contract: Mapping[str, Any], document: Document, name: str, controls: tuple[str, ...],
             changes: Mapping[str, Any], removed: str | None = None) -> Variant:
    own = f"{contract['id']}~{name}"
    fingerprint = hashlib.sha256(own.encode()).hexdigest()
    made = copy.deepcopy(dict(contract))
    client = document["identity"]["client_id"]
    made |= copy.deepcopy(dict(changes))
    made |= {"id": own, "identifiers": [f"G-{fingerprint[:40]}"], "clients": {f"g-{fingerprint[:40]}": made["clients"][client]},
             "certificates": {f"sha256:{fingerprint}": next(iter(made["certificates"].values()))}}
    if removed:
        del made[removed]
    asked = with_values(document, {
        "certificate.sha256": fingerprint, "identity.certificate_sha256": fingerprint,
        "identity.client_id": f"g-{fingerprint[:40]}", "identifier.value": f"G-{fingerprint[:40]}"})
    if asked is None:
        raise ValueError("a question without identities cannot be asked for a variant")
    return Variant(own, made, own, own, Question(name, asked, controls))


def _right_of(contract: Mapping[str, Any], document: Document) -> int:
    flux = document["call"]["flux"]
    return next(n for n, right in enumerate(contract["rights"]) if right["flux"] == flux)


def add_variant(room: dict[str, Any], variant: Variant) -> None:
    """Put the variant into an environment's room of `data.contracts`."""
    asked, own = variant.question.document, variant.own
    room["by_id"][own] = variant.contract
    fingerprint = asked["certificate"]["sha256"]
    room["by_fingerprint"][fingerprint] = {"contract": own, "key": f"sha256:{fingerprint}"}
    room["identifiers"][asked["identifier"]["value"]] = variant.identifier_of
    room["clients"][asked["identity"]["client_id"]] = variant.client_of
