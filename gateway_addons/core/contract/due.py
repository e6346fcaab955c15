"""What falls due on a contract: deadlines of the terms of use with their alerts, and what is overdue and still open."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway_addons.core.contract.calendar import breach_notice_due, paris_day, plus_mois, questionnaire_due, renewal_due
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.readings import EnvironmentReadings
from gateway_addons.core.contract.state import end_of_exchange, purge_on

HORIZON_DAYS = 90
VERIFICATION_MONTHS = 12
RENEWAL_ALERTS = (60, 30, 7, 0)
QUESTIONNAIRE_ALERTS = (90, 30, 7)
OTHER_ALERTS = (30, 7, 0)


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to do by a day in Paris; `alerts` are days before it at which somebody is told."""

    on: date
    clause: str
    path: str
    what: str
    alerts: tuple[int, ...] = OTHER_ALERTS

    def alert(self, today: date) -> int | None:
        """The last alert that was reached, in days before; None before the first."""
        left = (self.on - today).days
        return next((days for days in sorted(self.alerts) if left <= days), None)


def due_within(contract: Contract, readings: EnvironmentReadings, now: datetime, days: int = HORIZON_DAYS) -> list[Due]:
    """Everything that falls due within so many days, and what is overdue and not done, the earliest first."""
    today = paris_day(now)
    end = end_of_exchange(contract)
    lives = contract.convention.etat != "terminee" and (end is None or today < end)
    rooms = (_security(contract, readings), _access(contract), _persons(contract, today), _legal(contract, readings, today),
             _operation(contract)) if lives else ()
    found = [item for room in rooms for item in room] + list(_end(contract, today)) + list(_breaches(contract))
    return sorted((item for item in found if item.on <= today + timedelta(days=days)), key=lambda i: (i.on, i.clause, i.path))


def _security(contract: Contract, readings: EnvironmentReadings) -> Iterator[Due]:
    security = contract.securite
    if security.voie == "homologation" and (current := security.homologation):
        renewed = current.successeur is not None and current.successeur.recu_le <= renewal_due(current.valide_au)
        last, path = (current.successeur, "successeur.") if current.successeur and renewed else (current, "")
        follows = "the exchange is suspended from the next day" if readings.suspension_homologation == "echeance" else \
            f"the exchange is suspended after {last.valide_au}"
        yield Due(renewal_due(last.valide_au), "3.4.1-d", f"securite.homologation.{path}valide_au",
                  f"receive the next attestation; else {follows}", RENEWAL_ALERTS)
    if security.voie == "questionnaire" and (answers := security.questionnaire):
        follows = "the exchange is suspended" if readings.questionnaire_expire == "suspendre" else "an alert is raised"
        yield Due(questionnaire_due(answers.retourne_le), "3.4.2-e", "securite.questionnaire.retourne_le",
                  f"receive the questionnaire, updated; else {follows}", QUESTIONNAIRE_ALERTS)
        for number, advice in enumerate(answers.groupe2.preconisations):
            if advice.realisee_le is None:
                to_do = "carry out" if advice.planifiee_pour else "examine and plan"
                yield Due(advice.planifiee_pour or advice.emise_le, "3.4.2-c",
                          f"securite.questionnaire.groupe2.preconisations.{number}", f"{advice.id}: {to_do} the recommendation")
        if answers.risque_critique and answers.risque_critique.resolu_le is None:
            yield Due(answers.risque_critique.delai_resolution, "3.4.2-d", "securite.questionnaire.risque_critique",
                      "resolve the critical risk; else the exchange is cut from the next day")
    if security.transitoire and security.transitoire_revue_le:
        yield Due(security.transitoire_revue_le, "3.4-c", "securite.transitoire_revue_le", "review the transitional regime")
    for number, change in enumerate(security.evolutions_risque):
        if change.soldee_le is None:
            yield Due(change.signalee_le, "3.4.1-g", f"securite.evolutions_risque.{number}",
                      "receive the new attestation that the change of risk calls for")
    for number, weakness in enumerate(security.vulnerabilites):
        if weakness.corrigee_le is None and weakness.severite == "majeure":
            yield Due(weakness.constatee_le, "8-d", f"securite.vulnerabilites.{number}",
                      f"{weakness.id}: correct the vulnerability")
    if security.audits:
        last_audit = max(security.audits, key=lambda audit: audit.date)
        if last_audit.prochain_le:
            yield Due(last_audit.prochain_le, "8-c", "securite.audits", "have the next security audit made")


def _access(contract: Contract) -> Iterator[Due]:
    for number, certificate in enumerate(contract.acces.certificats):
        if not any(other.au > certificate.au and other.du <= certificate.au + timedelta(days=1)
                   for other in contract.acces.certificats):
            yield Due(certificate.au, "4-C1", f"acces.certificats.{number}.au",
                      f"register the next certificate; {certificate.sujet} is refused afterwards", RENEWAL_ALERTS)
    for number, right in enumerate(contract.droits):
        yield Due(right.depot_au, "4-C5", f"droits.{number}.depot_au", f"the deposit window of {right.flux} closes")
    for number, text in enumerate(contract.cadre_juridique.textes):
        if text.applicable_au:
            count = sum(right.texte_id == text.id for right in contract.droits)
            yield Due(text.applicable_au, "13-b", f"cadre_juridique.textes.{number}.applicable_au",
                      f"text {text.id} ends, and with it {count} right{'s' if count != 1 else ''}", RENEWAL_ALERTS)


def _persons(contract: Contract, today: date) -> Iterator[Due]:
    for name, contact in contract.contacts:
        if hasattr(contact, "verifie_le"):
            verified = contact.verifie_le
            yield Due(plus_mois(verified, VERIFICATION_MONTHS) if verified else today, "5.2-b", f"contacts.{name}.verifie_le",
                      f"verify the contact {name}")
    information = contract.rgpd.information_usager
    if information.requise:
        attested = information.attestee_le
        yield Due(plus_mois(attested, VERIFICATION_MONTHS) if attested else today, "3.3", "rgpd.information_usager.attestee_le",
                  "have it attested that users are told")


def _legal(contract: Contract, readings: EnvironmentReadings, today: date) -> Iterator[Due]:
    newest = readings.cgu_connues[-1]
    if contract.cgu.sha256 != newest.sha256 and newest.document not in contract.cgu.versions_notifiees:
        yield Due(newest.publiee_le, "14-a", "cgu.versions_notifiees", f"tell the consumer of {newest.document}")
    for number, piece in enumerate(contract.pieces_complementaires):
        if piece.recue_le is None:
            yield Due(piece.demandee_le, "3.1.2-e", f"pieces_complementaires.{number}", f"receive {piece.libelle}")
    need = contract.convention.fin_de_besoin
    if need and not (contract.resiliation or contract.convention.fin_echange_le):
        yield Due(need.signalee_le, "13-c", "convention.fin_de_besoin", "close the exchange: the consumer needs it no more")
    for number, helper in enumerate(contract.rgpd.sous_traitants):
        if helper.mise_en_oeuvre_le >= today:
            yield Due(helper.mise_en_oeuvre_le, "5.2-h", f"rgpd.sous_traitants.{number}", f"{helper.nom} starts")


def _operation(contract: Contract) -> Iterator[Due]:
    for number, suspension in enumerate(contract.suspensions):
        verified = suspension.verification
        if suspension.motif == "securite" and suspension.au and not (verified and verified.complete):
            yield Due(paris_day(suspension.au), "8-g4", f"suspensions.{number}.verification",
                      "verify before the return to service; until then calls are refused")


def _breaches(contract: Contract) -> Iterator[Due]:
    for number, breach in enumerate(contract.violations):
        if breach.risque and not breach.anonymisees and breach.notifiee_cnil_le is None:
            yield Due(paris_day(breach_notice_due(breach.connaissance_le)), "6.6-a", f"violations.{number}",
                      f"{breach.id}: notify the CNIL by {breach_notice_due(breach.connaissance_le):%Y-%m-%dT%H:%MZ}", (2, 1, 0))
        if breach.risque_eleve and breach.personnes_informees_le is None:
            yield Due(paris_day(breach.connaissance_le), "6.6-b", f"violations.{number}", f"{breach.id}: tell the persons")


def _end(contract: Contract, today: date) -> Iterator[Due]:
    end, purge = end_of_exchange(contract), purge_on(contract)
    if end and end >= today:
        clause, path = ("14-d", "resiliation") if contract.resiliation else ("13-a", "convention.fin_echange_le")
        yield Due(end, clause, path, "the exchange ends: no call passes from this day on")
    if purge:
        yield Due(purge, "6.8-b", "conservation.datapass_apres_arret_mois", "purge the contacts and the DataPass snapshot")
    for number, change in enumerate(contract.changements):
        if change.application_le >= today:
            yield Due(change.application_le, "9.3-c", f"changements.{number}", f"{change.id} is applied")
