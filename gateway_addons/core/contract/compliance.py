"""Duties of a consumer that no call can be refused for: what a report warns of (3.3, 5.2, 6.5, 6.6, 8-c, 9.3-d)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from gateway_addons.core.contract.calendar import breach_notice_due, paris_day, plus_mois, questionnaire_due
from gateway_addons.core.contract.due import VERIFICATION_MONTHS
from gateway_addons.core.contract.finding import Finding
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.readings import EnvironmentReadings


def warnings(contract: Contract, readings: EnvironmentReadings, now: datetime) -> tuple[Finding, ...]:
    """Everything that should be looked at; none of it stops a call. The sandbox, where all is fictitious, has none."""
    if contract.environment == "sandbox":
        return ()
    today = paris_day(now)
    return (*_users(contract, today), *_contacts(contract, today), *_helpers(contract, readings), *_security(contract, today),
            *_breaches(contract), *_rights(contract, today))


def _users(contract: Contract, today: date) -> Iterator[Finding]:
    told = contract.rgpd.information_usager
    if told.attestee_le is None:
        yield Finding("3.3", "rgpd.information_usager.attestee_le", "nobody attested that users are told of the exchange")
    elif told.requise and plus_mois(told.attestee_le, VERIFICATION_MONTHS) < today:
        yield Finding("3.3", "rgpd.information_usager.attestee_le", f"last attested on {told.attestee_le}, more than a year ago")
    if told.requise and told.mention is None and told.url is None:
        yield Finding("5.2-d", "rgpd.information_usager", "give the mention that users read, or its address")


def _contacts(contract: Contract, today: date) -> Iterator[Finding]:
    for name, contact in contract.contacts:
        if not hasattr(contact, "verifie_le"):
            continue
        if contact.verifie_le is None:
            yield Finding("5.2-b", f"contacts.{name}.verifie_le", "was never verified")
        elif plus_mois(contact.verifie_le, VERIFICATION_MONTHS) < today:
            yield Finding("5.2-b", f"contacts.{name}.verifie_le", f"last verified on {contact.verifie_le}, more than a year ago")
    if contract.contacts.rssi is None:
        yield Finding("8-g3", "contacts.rssi", "nobody is named whom incidents are told to")
    if not contract.contacts.privilegies_usagers_interdits:
        yield Finding("9.3-d", "contacts.privilegies_usagers_interdits", "contact points must not be disclosed to users")


def _helpers(contract: Contract, readings: EnvironmentReadings) -> Iterator[Finding]:
    delay = timedelta(days=readings.delai_sous_traitance_jours)
    for number, helper in enumerate(contract.rgpd.sous_traitants):
        place = f"rgpd.sous_traitants.{number}"
        if helper.informe_le >= helper.mise_en_oeuvre_le:
            yield Finding("5.2-h", f"{place}.informe_le", f"{helper.nom}: told on {helper.informe_le}, not before the start on "
                                                          f"{helper.mise_en_oeuvre_le}")
        elif helper.informe_le + delay > helper.mise_en_oeuvre_le:
            yield Finding("5.2-h", f"{place}.informe_le",
                          f"{helper.nom}: told less than {delay.days} days before its start (AMB-8)")
        if helper.garanties_rgpd is None:
            yield Finding("6.5", f"{place}.garanties_rgpd", f"{helper.nom}: its guarantees are not recorded")


def _security(contract: Contract, today: date) -> Iterator[Finding]:
    security = contract.securite
    audits = [a for a in security.audits if a.perimetre_oauth2]
    if not audits:
        yield Finding("8-c", "securite.audits", "no audit covers OAuth2")
    elif (last := max(audits, key=lambda a: a.date)).prochain_le and last.prochain_le < today:
        yield Finding("8-c", "securite.audits", f"the next audit was due on {last.prochain_le}")
    if security.transitoire and security.transitoire_revue_le and security.transitoire_revue_le < today:
        yield Finding("3.4-c", "securite.transitoire_revue_le", f"the review was due on {security.transitoire_revue_le}")
    for number, change in enumerate(security.evolutions_risque):
        if change.soldee_le is None:
            yield Finding("3.4.1-g", f"securite.evolutions_risque.{number}", f"open since {change.signalee_le}")
    if security.voie == "questionnaire" and (answers := security.questionnaire):
        if questionnaire_due(answers.retourne_le) < today:
            yield Finding("3.4.2-e", "securite.questionnaire.retourne_le", f"older than three years ({answers.retourne_le})")
        for number, advice in enumerate(answers.groupe2.preconisations):
            if advice.realisee_le is None and (advice.planifiee_pour is None or advice.planifiee_pour < today):
                planned = f"planned for {advice.planifiee_pour}" if advice.planifiee_pour else "not planned"
                yield Finding("3.4.2-c", f"securite.questionnaire.groupe2.preconisations.{number}", f"{advice.id}: {planned}")


def _breaches(contract: Contract) -> Iterator[Finding]:
    for number, breach in enumerate(contract.violations):
        notified = breach.notifiee_cnil_le
        if notified and notified > breach_notice_due(breach.connaissance_le) and breach.motif_retard is None:
            yield Finding("6.6-a", f"violations.{number}.motif_retard", f"{breach.id}: notified after 72 hours; say why")


def _rights(contract: Contract, today: date) -> Iterator[Finding]:
    ended = {t.id: t.applicable_au for t in contract.cadre_juridique.textes if t.applicable_au and t.applicable_au < today}
    for number, right in enumerate(contract.droits):
        if right.texte_id in ended:
            yield Finding("13-b", f"droits.{number}", f"its text {right.texte_id} ended on {ended[right.texte_id]}")
        elif right.depot_au < today:
            yield Finding("4-C5", f"droits.{number}", f"its deposit window closed on {right.depot_au}")
