"""The state of a contract at a moment, for reports over many contracts.

Verdicts on calls are Rego's (`policies/poterne/contract`); this says the same in the same words, and a property test holds
the two together.
"""

from datetime import date, datetime

from gateway_addons.core.contract.calendar import paris_day, plus_mois, questionnaire_due, renewal_due, termination_effective
from gateway_addons.core.contract.compile import opening_days, opening_moments
from gateway_addons.core.contract.gates import missing_conditions
from gateway_addons.core.contract.life import Resiliation, Suspension
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.readings import EnvironmentReadings
from gateway_addons.core.contract.security import Homologation

WORDS = ("active", "en_preavis", "non_active", "suspendue_operateur", "suspendue_homologation", "suspendue_questionnaire",
         "coupee_preventive", "terminee")


def state_at(contract: Contract, readings: EnvironmentReadings, now: datetime) -> str:
    """One of `WORDS`; of several that hold, the first here is told."""
    today, etat = paris_day(now), contract.convention.etat
    end = end_of_exchange(contract)
    if etat == "terminee" or (end is not None and end <= today):
        return "terminee"
    if etat in {"brouillon", "instruite"}:
        return "non_active"
    if etat == "coupee_preventive" or not _risk_held(contract, today):
        return "coupee_preventive"
    if any(is_during(suspension, now) for suspension in contract.suspensions):
        return "suspendue_operateur"
    if etat == "suspendue_homologation":
        return "suspendue_homologation"
    if word := _security_word(contract, readings, today):
        return word
    if not _activated(contract, readings, now):
        return "non_active"
    return "en_preavis" if etat == "en_preavis" or contract.resiliation else "active"


def end_of_exchange(contract: Contract) -> date | None:
    """The first day without exchange (13-a, 14-d), or None while no end is known."""
    ends = [day for day in (contract.convention.fin_echange_le, _end_of_notice(contract.resiliation)) if day is not None]
    return min(ends, default=None)


def _end_of_notice(end: Resiliation | None) -> date | None:
    """14-d: never sooner than two months after the notice; 14-f: at once for security."""
    if end is None:
        return None
    if end.cas_securite:
        return end.effective_le or end.notifiee_le
    return max(filter(None, (termination_effective(end.notifiee_le), end.effective_le)))


def is_during(suspension: Suspension, now: datetime) -> bool:
    """12-a; 8-g4: one for security lasts until it was verified, too."""
    if now < suspension.du:
        return False
    if suspension.au is None or now < suspension.au:
        return True
    verified = suspension.verification
    return suspension.motif == "securite" and not (verified is not None and verified.complete and verified.le <= now)


def _risk_held(contract: Contract, today: date) -> bool:
    risk = contract.securite.questionnaire.risque_critique if contract.securite.questionnaire else None
    if risk is None or today <= risk.delai_resolution:
        return True
    return risk.resolu_le is not None and risk.resolu_le <= today


def _security_word(contract: Contract, readings: EnvironmentReadings, today: date) -> str | None:
    """The suspension that the evidence of security is the reason for, if any."""
    security = contract.securite
    if contract.environment == "sandbox":
        return None
    if security.voie == "homologation" and security.homologation is not None:
        return None if _attested(security.homologation, readings, today) else "suspendue_homologation"
    if security.voie == "questionnaire" and security.questionnaire is not None:
        returned = security.questionnaire.retourne_le
        late = readings.questionnaire_expire == "suspendre" and questionnaire_due(returned) < today
        return "suspendue_questionnaire" if returned > today or late else None
    return "suspendue_homologation"


def _attested(current: Homologation, readings: EnvironmentReadings, today: date) -> bool:
    following = current.successeur
    valid = (current.opens and current.recu_le is not None
             and max(current.prononcee_le, current.recu_le, current.valide_du) <= today <= current.valide_au)
    in_time = readings.suspension_homologation == "fin_validite" or today <= renewal_due(current.valide_au)
    if following is None:
        return valid and in_time
    received_in_time = following.opens and following.recu_le <= today and following.recu_le <= renewal_due(current.valide_au)
    pronounced = following.prononcee_le or following.recu_le
    next_valid = following.opens and max(pronounced, following.recu_le, following.valide_du) <= today <= following.valide_au
    next_in_time = readings.suspension_homologation == "fin_validite" or today <= renewal_due(following.valide_au)
    return (valid and (in_time or received_in_time)) or (next_valid and next_in_time)


def _activated(contract: Contract, readings: EnvironmentReadings, now: datetime) -> bool:
    known = [terms.sha256 for terms in readings.cgu_connues]
    accepted = contract.cgu.sha256 in (known if readings.nouvelle_cgu == "informer" else known[-1:])
    moments = opening_moments(contract)
    return (accepted and not missing_conditions(contract) and bool(moments) and all(m <= now for m in moments)
            and all(day <= paris_day(now) for day in opening_days(contract)))


def purge_on(contract: Contract) -> date | None:
    """When the DataPass data are purged (6.8-b); None while no end is known."""
    end = end_of_exchange(contract)
    return plus_mois(end, contract.conservation.datapass_apres_arret_mois) if end else None
