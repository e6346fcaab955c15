"""What must be true before a contract may be active (clauses 1, 3, 5, 8-d, 9.1, 9.2, 11-d). Dates that pass later are policy's.

A gate that is not met does not make the file invalid: the contract is there, its calls are refused with INF-SUSP-04, and
this list says what to do.
"""

from collections.abc import Callable

from gateway_addons.core.contract.finding import Finding
from gateway_addons.core.contract.model import DEFAULT_QUOTAS, Contract

type Gate = tuple[str, str, str, Callable[[Contract], bool]]

_ALWAYS: tuple[Gate, ...] = (
    ("1-a", "datapass.etat", "DataPass must be validated", lambda c: c.datapass.etat == "validated"),
    ("1-a", "cgu.acceptee_le", "record when the terms of use were accepted", lambda c: c.cgu.acceptee_le is not None),
    ("1-a", "datapass.validee_le", "record when DataPass was validated", lambda c: c.datapass.validee_le is not None),
    ("1-a", "datapass.form_uid", "the DataPass form must be that of this environment", lambda c: _form_fits(c)),
    ("3.1.1-f", "droits", "grant at least one right", lambda c: bool(c.droits)),
    ("2.1-c", "cadre_juridique.textes", "name at least one legal text", lambda c: bool(c.cadre_juridique.textes)),
    ("3.1.1-h", "services_destinataires", "name at least one service that receives the data",
     lambda c: bool(c.services_destinataires)),
    ("3.1.2-e", "pieces_complementaires", "receive every mandatory document",
     lambda c: all(p.recue_le or not p.obligatoire for p in c.pieces_complementaires)),
    ("8-d", "securite.vulnerabilites", "correct every major vulnerability",
     lambda c: all(v.corrigee_le or v.severite != "majeure" for v in c.securite.vulnerabilites)),
    ("5.3-b", "rgpd.contient_dcp", "with personal data: give register, point of contact and how long they are kept",
     lambda c: not c.rgpd.contient_dcp or _personal_data_are_declared(c)),
    ("9.2-b", "volumetrie.justificatifs", "a quota above the default needs a justification and accepted evidence",
     lambda c: _quota_is_justified(c)),
)

_PRODUCTION: tuple[Gate, ...] = (
    ("3.1.1-a", "cadre_juridique.instruction.eligibilite", "record a favourable decision on eligibility",
     lambda c: _favourable(c.cadre_juridique.instruction.eligibilite)),
    ("3.1.1-d", "cadre_juridique.instruction.analyse_juridique", "record a favourable legal analysis",
     lambda c: _favourable(c.cadre_juridique.instruction.analyse_juridique)),
    ("3.1.2-a", "cadre_juridique.derogation_secret", "name the derogation to professional secrecy",
     lambda c: c.cadre_juridique.derogation_secret is not None),
    ("3.1.2-c", "recette_fonctionnelle.confirmee", "confirm the functional acceptance",
     lambda c: c.recette_fonctionnelle is not None and c.recette_fonctionnelle.confirmee
     and c.recette_fonctionnelle.realisee_le is not None),
    ("3.1.2-d", "cadre_juridique.textes", "texts must have been sent by the day of subscription to production",
     lambda c: _texts_in_time(c)),
    ("3.2-a", "rgpd.formalites_accomplies", "record the declaration on data-protection formalities",
     lambda c: c.rgpd.formalites_accomplies.coche and c.rgpd.formalites_accomplies.le is not None),
    ("3.2-b", "rgpd.formalites_accomplies.par", "name who made the declaration on data-protection formalities",
     lambda c: not c.rgpd.formalites_accomplies.coche or c.rgpd.formalites_accomplies.par is not None),
    ("3.4-a", "securite.voie", "give the attestation of security (homologation) or the questionnaire",
     lambda c: _security_evidence(c)),
    ("3.4-b", "securite.transitoire", "an organisme under the RGS uses the questionnaire only as a transition",
     lambda c: not (c.organisme.soumis_rgs and c.securite.voie == "questionnaire" and not c.securite.transitoire)),
    ("3.4-c", "securite.transitoire_motif", "give the reason of the transitional regime and the day of its review",
     lambda c: not c.securite.transitoire or None not in {c.securite.transitoire_motif, c.securite.transitoire_revue_le}),
    ("3.4.1-c", "securite.homologation.levee_reserves", "decide on the opening in spite of reservations",
     lambda c: _reservations_lifted(c)),
    ("3.4.2-b", "securite.questionnaire.groupe1", "record the decision to open on the first group of answers",
     lambda c: _first_group_opens(c)),
    ("9.1.3", "contacts.delegue_protection_donnees", "name the data protection officer",
     lambda c: c.contacts.delegue_protection_donnees is not None),
    ("11-d", "demarche.teleservice", "state the coverage and availability of the consumer's own service",
     lambda c: c.demarche.teleservice is not None),
)


def missing_conditions(contract: Contract) -> tuple[Finding, ...]:
    """What still forbids this contract to be active; empty when nothing does. The sandbox has no production gates."""
    gates = _ALWAYS + (_PRODUCTION if contract.convention.environnement == "production" else ())
    return tuple(Finding(clause, path, to_do) for clause, path, to_do, met in gates if not met(contract))


def _form_fits(contract: Contract) -> bool:
    """DataPass names its forms `...-production` and `...-sandbox`."""
    return contract.datapass.form_uid.endswith(f"-{contract.environment}")


def _favourable(opinion: object) -> bool:
    return getattr(opinion, "decision", None) == "favorable"


def _personal_data_are_declared(contract: Contract) -> bool:
    data = contract.rgpd
    return None not in {data.registre_traitement_ref, data.point_contact_droits} and data.duree_conservation_mois > 0


def _texts_in_time(contract: Contract) -> bool:
    subscribed = contract.convention.souscription_production_le
    return subscribed is not None and all(t.communique_le <= subscribed for t in contract.cadre_juridique.textes)


def _security_evidence(contract: Contract) -> bool:
    security = contract.securite
    if security.voie == "homologation":
        attestation = security.homologation
        return attestation is not None and attestation.document_sha256 is not None and attestation.recu_le is not None
    return security.voie == "questionnaire" and security.questionnaire is not None


def _reservations_lifted(contract: Contract) -> bool:
    attestation = contract.securite.homologation
    return contract.securite.voie != "homologation" or attestation is None or attestation.opens


def _first_group_opens(contract: Contract) -> bool:
    if contract.securite.voie != "questionnaire":
        return True
    answers = contract.securite.questionnaire
    return answers is not None and answers.groupe1 is not None and answers.groupe1.decision == "ouverture"


def _quota_is_justified(contract: Contract) -> bool:
    volume = contract.volumetrie
    if contract.calls_per_minute <= DEFAULT_QUOTAS[contract.convention.environnement]:
        return True
    return volume.justification is not None and any(j.decision == "acceptee" for j in volume.justificatifs)
