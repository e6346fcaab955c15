"""The journal's record of one call (domain model, section 8; clauses 8-h1, 10-P): no body, no secret, no token."""

from datetime import datetime
from typing import Any

from gateway_addons.core.decision import Decision
from gateway_addons.core.facts import Evidence, rfc3339
from gateway_addons.core.pipeline import Progress
from gateway_addons.core.ports import TokenAnswer

_VERDICTS = {"pass": "ok", "fail": "refuse", "not_evaluated": "non_evalue"}
_CONTROL_NAMES = {"certificate": "certificat", "address": "ip", "identifier": "identifiant", "identity": "identite",
                  "contract": "convention", "rights": "droits"}
_WINDOWS = {"redis": "redis", "local": "locale"}
_UNITS = {"calls": "appels", "bytes": "octets"}
_LINKS = {"certificate_contract": "certificat-convention", "address_contract": "adresse-convention",
          "identifier_contract": "identifiant-convention", "token_certificate": "jeton-certificat",
          "client_contract": "client-convention", "siren_contract": "siren-convention"}


MAX_KEPT_PERIMETERS = 1000
"""Of a lot with more distinct perimeters the record does not keep the question, and so cannot be decided again."""

_OPERATIONS = {"creer": "creation", "modifier": "modification", "supprimer": "suppression"}


def call_record(
    *, request_id: str, correlation_id: str | None, environment: str, received_at: datetime, peer: str | None,
    method: str, path: str, progress: Progress, body_sha256: str | None,
) -> dict[str, Any]:
    """What is known of a call at this point; outcome fields are empty until `concluded` fills them."""
    evidence, decision = progress.evidence, progress.decision
    return {
        "horodatage": rfc3339(received_at), "environnement": environment, "correlationId": correlation_id,
        "requestId": request_id, "convention": decision.contract if decision else None,
        "etatConvention": decision.state if decision else None,
        "acteur": {"type": "robot", "client_id": evidence.identity.client_id if evidence else None},
        "ip": evidence.address.source if evidence else peer,
        "certificat": _certificate(evidence), "idTeleservice": evidence.identifier.value if evidence else None,
        "methode": method, "chemin": path, **_object(evidence),
        "liens": _links(evidence, decision),
        **_verdict(decision),
        "entree": _question(evidence), "quota": _quota(progress),
        "empreinteCorps": f"sha256:{body_sha256}" if body_sha256 else None,
        "transmis": False, "statut": None, "codeErreur": None, "numeroAccuse": None, "dureeMs": None, "detail": None,
    }


OUTCOME = ("transmis", "statut", "codeErreur", "numeroAccuse", "dureeMs", "detail")
"""The fields that `concluded` fills, in the record's order; all others were known when the call was announced."""


def token_record(record: dict[str, Any], answer: TokenAnswer) -> dict[str, Any]:
    """The record of a call to the authorization server: who asked, what the controls said, and never the token."""
    decision = answer.decision
    told = record | {"acteur": record["acteur"] | {"client_id": answer.client_id}, "operation": answer.operation,
                     "certificat": f"sha256:{answer.certificate_sha256}" if answer.certificate_sha256 else None}
    if decision is None:
        return told
    verdicts = {_CONTROL_NAMES.get(c, c): _VERDICTS[v] for c, v in decision.controls.items()}
    return told | {
        "convention": decision.contract, "revision": decision.revision, "derogations": list(decision.exceptions),
        "autorise": decision.allow, "entree": answer.question,
        "controles": record["controles"] | {("identite" if c == "client" else c): v for c, v in verdicts.items()},
        "motifs": [{"code": r.code, "clause": r.clause} for r in decision.reasons],
    }


def concluded(
    record: dict[str, Any], *, status: int | None, code: str | None, receipt: str | None, forwarded: bool,
    duration_ms: int, detail: str | None,
) -> dict[str, Any]:
    """The whole record; `detail` is the operator's, and never sent to the caller."""
    return record | {"transmis": forwarded, "statut": status, "codeErreur": code, "numeroAccuse": receipt,
                     "dureeMs": duration_ms, "detail": detail or None}


def _certificate(evidence: Evidence | None) -> str | None:
    return f"sha256:{evidence.certificate.sha256}" if evidence and evidence.certificate.sha256 else None


def _object(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {"flux": None, "operation": None, "exercice": None, "periode": None, "organismes": [], "nbEcritures": None}
    perimeters = evidence.rights.perimeters
    exercices = sorted({p.exercice for p in perimeters if p.exercice is not None})
    periodes = sorted({p.periode for p in perimeters if p.periode})
    return {
        "flux": evidence.call.flux, "operation": _OPERATIONS.get(evidence.call.operation, evidence.call.operation),
        "exercice": exercices[0] if len(exercices) == 1 else (exercices or None),
        "periode": periodes[0] if len(periodes) == 1 else (periodes or None),
        "organismes": sorted({p.siret for p in perimeters})[:MAX_KEPT_PERIMETERS],
        "nbEcritures": evidence.rights.entries if evidence.rights.established else None,
    }


def _verdict(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {"controles": dict.fromkeys(_CONTROL_NAMES.values(), "non_evalue"), "motifs": [], "autorise": None,
                "revision": None, "derogations": []}
    return {"controles": {name: _VERDICTS[decision.controls[control]] for control, name in _CONTROL_NAMES.items()},
            "motifs": [{"code": r.code, "clause": r.clause} for r in decision.reasons],
            "autorise": decision.allow, "revision": decision.revision, "derogations": list(decision.exceptions)}


def _links(evidence: Evidence | None, decision: Decision | None) -> dict[str, Any] | None:
    """What each identity failed at by itself, and the links that are not proven: the caller is told his code alone."""
    if evidence is None:
        return None
    return {"certificat": evidence.certificate.failure or "ok", "identifiant": evidence.identifier.failure or "ok",
            "jeton": evidence.identity.failure or "ok",
            "rompus": [_LINKS[link] for link in decision.broken_links] if decision else None}


def _question(evidence: Evidence | None) -> dict[str, Any] | None:
    """What policy was asked, so that it can be asked again (`poterne journal replay`); parts as they are, for a JSON writer."""
    if evidence is None or len(evidence.rights.perimeters) > MAX_KEPT_PERIMETERS:
        return None
    return evidence.question()


def _quota(progress: Progress) -> dict[str, Any] | None:
    charge = progress.charge
    if charge is None:
        return None
    told: dict[str, Any] = {"accepte": charge.accepted, "limite": charge.limit, "restant": charge.remaining,
                            "fenetre": _WINDOWS[charge.source], "instant_us": charge.at_us}
    if charge.extra:
        told["autres"] = [{"nom": w.name, "unite": _UNITS[w.unit], "limite": w.limit, "restant": w.remaining}
                          for w in charge.extra]
    return told
