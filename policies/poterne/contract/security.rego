# METADATA
# title: The security a contract stands on, by date
# description: >-
#   An attestation that is valid today and whose successor is not overdue, or a questionnaire; and no critical risk past
#   its deadline.
# custom:
#   clause: "3.4.1-a, 3.4.1-d, 3.4.1-e, 3.4.2-d, 3.4.2-e"
# schemas:
#   - input: schema.decision_input
package poterne.contract.security

import data.poterne.agreements
import data.poterne.calendar

# METADATA
# description: Security is shown for today; the sandbox asks for no agreements.found.security.
# custom:
#   clause: 3.4-a
current if {
	agreements.found.security.way == "sandbox"
	input.environment == "sandbox"
}

# 3.4.1-a, on each call: pronounced, received and begun, and not ended; 3.4.1-c: without open reservations.
current if {
	security := agreements.found.security
	security.way == "homologation"
	today := calendar.today
	some number, attestation in security.attestations
	attestation.opens == true
	is_string(attestation.since) # null, of one never received, would come before every day
	attestation.since <= today
	today <= attestation.to
	renewed_in_time(number, attestation)
}

current if {
	security := agreements.found.security
	security.way == "questionnaire"
	calendar.reached(security.returned)
	questionnaire_counts == true
}

# 3.4.1-d, 3.4.1-e, in the reading AMB-1: the successor is due three months before the end, or by that end itself.
renewed_in_time(_, attestation) if {
	agreements.readings.suspension_homologation == "echeance"
	calendar.today <= attestation.renewal_due
}

renewed_in_time(_, _) if agreements.readings.suspension_homologation == "fin_validite"

# A successor that came in time: the transmission whose absence suspends has taken place.
renewed_in_time(number, attestation) if {
	successor := agreements.found.security.attestations[number + 1]
	successor.opens == true
	calendar.reached(successor.received)
	successor.received <= attestation.renewal_due
}

# AMB-2: a questionnaire that is not updated after three years is an alert, or a suspension.
questionnaire_counts if agreements.readings.questionnaire_expire == "alerter"

questionnaire_counts if {
	agreements.readings.questionnaire_expire == "suspendre"
	calendar.not_passed(calendar.plus_months(agreements.found.security.returned, 36))
}

# METADATA
# description: No critical risk, or one that is resolved, or whose deadline has not passed.
# custom:
#   clause: 3.4.2-d
risk_held(null)

risk_held(risk) if calendar.reached(risk.resolved)

risk_held(risk) if calendar.not_passed(risk.deadline)
