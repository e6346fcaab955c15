"""From contracts to OPA's data: what policy looks up, by id and by each of the four identities.

Nothing that a date decides is decided here: dates go along as they are, and Rego compares them with `input.now`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from gateway_addons.core.contract.access import Certificat, Droit
from gateway_addons.core.contract.calendar import PARIS, renewal_due
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.security import Homologation
from gateway_addons.core.facts import rfc3339

WINDOW_S = 60
NEVER = str(date.max)
"""The end of a text that has none: a day like the others, so that policy compares days and nothing else."""


class ContractConflict(Exception):
    """Two contracts claim the same identity; the message names both files."""


def compile_contracts(contracts: Iterable[tuple[str, Contract]]) -> dict[str, Any]:
    """OPA's `data.contracts`, from (name of the file, contract).

    Raises:
        ContractConflict: an id, certificate, identifier or client that two contracts of one environment claim.
    """
    data: dict[str, Any] = {name: {"by_id": {}, "by_fingerprint": {}, "by_public_key": {}, "by_names": {}, "identifiers": {},
                                   "clients": {}} for name in ("production", "sandbox")}
    owners: dict[tuple[str, str, str], str] = {}
    for file, contract in contracts:
        place = data[contract.environment]
        own_id = contract.convention.id
        for claim in claims(contract):
            _claim(owners, (contract.environment, claim.index, claim.key), file)
        place["by_id"][own_id] = _contract(contract)
        place["identifiers"] |= dict.fromkeys(contract.acces.identifiants_techniques, own_id)
        place["clients"] |= {client.client_id: own_id for client in contract.acces.clients_oauth2}
        for certificate in contract.acces.certificats:
            _lead_to(place, certificate, own_id)
    return data


@dataclass(frozen=True, slots=True)
class Claim:
    """An identity that leads to one contract only: the index of OPA's data, the key, where the contract says it, the clause."""

    index: str
    key: str
    path: str
    clause: str


def claims(contract: Contract) -> Iterator[Claim]:
    """Everything that leads to this contract."""
    yield Claim("by_id", contract.convention.id, "convention.id", "1-a")
    for number, certificate in enumerate(contract.acces.certificats):
        yield Claim("certificates", certificate_key(certificate), f"acces.certificats.{number}", "4-C1")
    for number, identifier in enumerate(contract.acces.identifiants_techniques):
        yield Claim("identifiers", identifier, f"acces.identifiants_techniques.{number}", "4-C3")
    for number, client in enumerate(contract.acces.clients_oauth2):
        yield Claim("clients", client.client_id, f"acces.clients_oauth2.{number}.client_id", "4-C4")


def certificate_key(certificate: Certificat) -> str:
    """How a certificate is looked up: by its fingerprint or its public key when registered, else by issuer and subject."""
    if certificate.empreinte_sha256:
        return f"sha256:{certificate.empreinte_sha256}"
    if certificate.cle_publique_sha256:
        return f"spki:{certificate.cle_publique_sha256}"
    return f"dn:{certificate.emetteur}|{certificate.sujet}"


def _lead_to(place: dict[str, Any], certificate: Certificat, own_id: str) -> None:
    """From what a certificate shows to its contract and to its registrations there; nothing is put together at a call."""
    entry = {"contract": own_id, "key": certificate_key(certificate)}
    if certificate.empreinte_sha256:
        place["by_fingerprint"][certificate.empreinte_sha256] = entry
    elif certificate.cle_publique_sha256:
        place["by_public_key"][certificate.cle_publique_sha256] = entry
    else:
        place["by_names"].setdefault(certificate.emetteur, {})[certificate.sujet] = entry


def _claim(owners: dict[tuple[str, str, str], str], claim: tuple[str, str, str], file: str) -> None:
    other = owners.setdefault(claim, file)
    if other != file:
        environment, index, key = claim
        raise ContractConflict(f"{file} and {other} both claim {key!r} ({index}, {environment}): 4-C1..4-C4 ask for one contract")


def _contract(contract: Contract) -> dict[str, Any]:
    """One contract as policy sees it: no contact, no document, nothing that a verdict does not need."""
    return {
        "id": contract.convention.id,
        "api": contract.convention.api,
        "etat": contract.convention.etat,
        "missing": [m.clause for m in missing_conditions(contract)],
        "terms": contract.cgu.sha256,
        "opens": _opens(contract),
        "ends": _day(contract.convention.fin_echange_le),
        "organisation": contract.organisme.nom,
        "siren": contract.organisme.siren,
        "enveloppe_intervention_distincte": contract.organisme.enveloppe_intervention_distincte,
        "certificates": _registrations(contract),
        "addresses": list(contract.acces.adresses_ip),
        "identifiers": list(contract.acces.identifiants_techniques),
        "clients": {c.client_id: {"scopes": list(c.scopes), "auth": c.auth} for c in contract.acces.clients_oauth2},
        "security": _security(contract),
        "suspensions": [
            {"motif": s.motif, "from": s.du.isoformat(), "to": s.au.isoformat() if s.au else None,
             "verified": s.verification.le.isoformat() if s.verification and s.verification.complete else None}
            for s in contract.suspensions
        ],
        "termination": _termination(contract),
        "quota": {"key": f"{contract.environment}:{contract.convention.id}", "limit": contract.calls_per_minute,
                  "window_s": WINDOW_S, "extra": _extra_limits(contract)},
        "rights": [_right(contract, right) for right in contract.droits],
    }


def _extra_limits(contract: Contract) -> list[dict[str, Any]]:
    """What is charged besides the quota; a flux or an operation of null means any."""
    return [
        {"name": f"{limit.flux or '*'}.{limit.operation or '*'}.{unit}", "limit": size, "window_s": WINDOW_S, "unit": unit,
         "flux": limit.flux, "operation": limit.operation}
        for limit in contract.volumetrie.limites
        for unit, size in (("calls", limit.appels_par_minute), ("bytes", limit.octets_par_minute)) if size is not None
    ]


def _registrations(contract: Contract) -> dict[str, list[dict[str, Any]]]:
    """Every registration of each certificate: the same names come back when a certificate is renewed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for certificate in contract.acces.certificats:
        registration = {"from": str(certificate.du), "to": str(certificate.au), "eku": list(certificate.eku)}
        found.setdefault(certificate_key(certificate), []).append(registration)
    return found


def _opens(contract: Contract) -> str | None:
    """When the last of the decisions has come that the contract stands on; a day comes with its midnight in Paris."""
    moments = opening_moments(contract)
    midnights = [datetime.combine(day, time(), PARIS) for day in opening_days(contract)]
    return rfc3339(max(moments + midnights)) if moments else None


def opening_moments(contract: Contract) -> list[datetime]:
    """The moments that must have come before the contract is active (1-a). Without one of them it is not."""
    return [m for m in (contract.datapass.validee_le, contract.cgu.acceptee_le) if m is not None]


def opening_days(contract: Contract) -> list[date]:
    """The days of the decisions that a production contract stands on: none may be to come (3.1.1, 3.1.2-c, 3.2-a, 3.4)."""
    if contract.convention.environnement != "production":
        return []
    examined = contract.cadre_juridique.instruction
    security = contract.securite
    lifted = security.homologation.levee_reserves if security.homologation else None
    group = security.questionnaire.groupe1 if security.questionnaire else None
    days = (
        contract.convention.souscription_production_le,
        examined.eligibilite.le if examined.eligibilite else None,
        examined.analyse_juridique.le if examined.analyse_juridique else None,
        contract.recette_fonctionnelle.realisee_le if contract.recette_fonctionnelle else None,
        contract.rgpd.formalites_accomplies.le,
        lifted.echange_le if lifted else None,
        group.le if group and security.voie == "questionnaire" else None,
    )
    return [day for day in days if day is not None]


def _security(contract: Contract) -> dict[str, Any]:
    security = contract.securite
    risk = security.questionnaire.risque_critique if security.questionnaire else None
    held = {"risk": {"deadline": str(risk.delai_resolution), "resolved": _day(risk.resolu_le)} if risk else None}
    if contract.convention.environnement != "production":
        return {"way": "sandbox"} | held
    if security.voie == "homologation" and security.homologation:
        return {"way": "homologation", "attestations": _attestations(security.homologation)} | held
    if security.voie == "questionnaire" and security.questionnaire:
        return {"way": "questionnaire", "returned": str(security.questionnaire.retourne_le)} | held
    return {"way": "none"} | held


def _attestations(current: Homologation) -> list[dict[str, str | bool | None]]:
    """The attestation and its successor, in order (3.4.1-d); one with open reservations does not open (3.4.1-c)."""
    first = _attestation(current.prononcee_le, current.recu_le, current.valide_du, current.valide_au, opens=current.opens)
    following = current.successeur
    if following is None:
        return [first]
    pronounced = following.prononcee_le or following.recu_le
    return [first, _attestation(pronounced, following.recu_le, following.valide_du, following.valide_au, opens=following.opens)]


def _attestation(
        pronounced: date, received: date | None, begins: date, ends: date, *, opens: bool) -> dict[str, str | bool | None]:
    """It counts since it is pronounced, received and begun (3.4.1-a): `since` is the last of these days, null without one."""
    return {"since": str(max(pronounced, received, begins)) if received else None, "received": _day(received), "to": str(ends),
            "renewal_due": str(renewal_due(ends)), "opens": opens}


def _day(value: date | None) -> str | None:
    return str(value) if value else None


def _termination(contract: Contract) -> dict[str, Any] | None:
    end = contract.resiliation
    if end is None:
        return None
    return {"notified": str(end.notifiee_le), "effective": _day(end.effective_le),
            "at_once": end.cas_securite}


def _right(contract: Contract, right: Droit) -> dict[str, Any]:
    """A dimension that the right has not is the one value null, so that a perimeter must say null there."""
    text = next(t for t in contract.cadre_juridique.textes if t.id == right.texte_id)
    return {
        "flux": right.flux, "operations": list(right.operations), "siret": right.siret, "budgets": list(right.budgets) or [None],
        "exercices": list(right.exercices) or [None], "months": list(right.months()) or [None],
        "from": str(right.depot_du), "to": str(right.depot_au),
        "text": {"id": text.id, "from": str(text.applicable_du), "to": _day(text.applicable_au) or NEVER},
    }
