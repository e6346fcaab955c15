# METADATA
# title: The state of the contract, by date
# description: Computed from input.now at every call and never stored; the file holds what persons decided.
# custom:
#   clause: 1-a
# schemas:
#   - input: schema.decision_input
package poterne.contract

import data.poterne.agreements
import data.poterne.calendar

# METADATA
# description: pass only when the contract is active, secure, not suspended and not ended.
# custom:
#   clause: 1-a
default verdict := "fail"

verdict := "pass" if {
	open
	activated
	in_force
	uncut
	secure
} else := "not_evaluated" if {
	not agreements.known
}

contract := agreements.found

readings := data.readings[input.environment]

# 12-a, 11-b: the API is neither blocked nor in maintenance.
open if {
	readings.api_bloquee == false
	every slot in readings.maintenances {
		not_during(slot)
	}
}

not_during(slot) if calendar.now_ns < time.parse_rfc3339_ns(slot.du)

not_during(slot) if calendar.now_ns >= time.parse_rfc3339_ns(slot.au)

# 1-a, 3.x, 9.2-b: decided by persons, and no condition missing.
activated if {
	contract.etat in {"active", "en_preavis"}
	count(contract.missing) == 0
	count(contract.rights) > 0
}

# 14-d: two months after the notice; 14-e: until then the exchange goes on; 14-f: at once for security.
in_force if contract.termination == null

in_force if {
	contract.termination.at_once == false
	calendar.today < end_of_notice
}

end_of_notice := contract.termination.effective if {
	contract.termination.effective != null
} else := calendar.plus_months(contract.termination.notified, 2)

# 12-a: an operator's suspension, from one moment to another; 3.4.2-d: a critical risk past its deadline.
uncut if {
	every suspension in contract.suspensions {
		over_or_not_yet(suspension)
	}
	risk_is_held
}

over_or_not_yet(suspension) if calendar.now_ns < time.parse_rfc3339_ns(suspension.from)

over_or_not_yet(suspension) if {
	suspension.to != null
	calendar.now_ns >= time.parse_rfc3339_ns(suspension.to)
}

risk_is_held if contract.security.way != "questionnaire"

risk_is_held if contract.security.risk == null

risk_is_held if contract.security.risk.resolved != null

risk_is_held if calendar.today <= contract.security.risk.deadline

# 3.4: the sandbox asks for no evidence; homologation by its dates; questionnaire by the reading AMB-2.
secure if {
	contract.security.way == "sandbox"
	input.environment == "sandbox"
}

secure if {
	contract.security.way == "homologation"
	contract.security.pronounced <= calendar.today
	covered_by_attestation
}

secure if {
	contract.security.way == "questionnaire"
	questionnaire_counts
}

# 3.4.1-e: a recorded successor that covers today lifts the suspension.
covered_by_attestation if {
	contract.security.successor != null
	contract.security.successor.received <= calendar.today
	calendar.within(contract.security.successor.from, contract.security.successor.to)
}

covered_by_attestation if {
	calendar.within(contract.security.from, contract.security.to)
	calendar.today <= last_day_without_renewal
}

# AMB-1: literally three months before the end of validity (3.4.1-d), or that end itself.
last_day_without_renewal := calendar.plus_months(contract.security.to, -3) if {
	readings.suspension_homologation == "echeance"
}

last_day_without_renewal := contract.security.to if {
	readings.suspension_homologation == "fin_validite"
}

# AMB-2: a questionnaire that is not updated after three years is an alert, or a suspension.
questionnaire_counts if readings.questionnaire_expire == "alerter"

questionnaire_counts if {
	readings.questionnaire_expire == "suspendre"
	calendar.today <= calendar.plus_months(contract.security.returned, 36)
}

code := "700700" if {
	not readings.api_bloquee == false
} else := "INF-MNT-01" if {
	not open
} else := "INF-SUSP-03" if {
	contract.etat == "terminee"
} else := "INF-SUSP-02" if {
	contract.etat == "coupee_preventive"
} else := "INF-SUSP-01" if {
	contract.etat == "suspendue_homologation"
} else := "INF-SUSP-04" if {
	not activated
} else := "INF-SUSP-03" if {
	not in_force
} else := "INF-SUSP-02" if {
	not uncut
} else := "INF-SUSP-01"

clauses := {
	"700700": "12-a",
	"INF-MNT-01": "11-b",
	"INF-SUSP-01": "3.4.1-e",
	"INF-SUSP-02": "3.4.2-d",
	"INF-SUSP-03": "14-d",
	"INF-SUSP-04": "1-a",
}

reasons contains {"code": code, "control": "contract", "clause": clauses[code]} if verdict == "fail"
