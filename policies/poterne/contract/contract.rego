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
import data.poterne.contract.security
import data.poterne.switches

# METADATA
# description: pass only when the service is open and the contract active, in force, uncut and secure.
# custom:
#   clause: 1-a
default verdict := "fail"

verdict := "pass" if {
	agreements.readings.api_bloquee == false # 12-a: the whole API can be stopped
	no_maintenance == true
	activated == true
	in_force == true
	uncut == true
	security.current == true
	switches.verdict == "pass"
} else := "not_evaluated" if {
	agreements.known == false
}

# 11-b: a slot of maintenance, its end excluded.
no_maintenance if agreements.readings.maintenances == []

no_maintenance if {
	is_array(agreements.readings.maintenances)
	every slot in agreements.readings.maintenances {
		outside(slot.from, slot.to)
	}
}

# METADATA
# description: >-
#   The end of the maintenance that goes on now, for the answer's Retry-After, or null. The data hold moments in UTC, which
#   compare as texts do.
# custom:
#   clause: 11-b
default retry_at := null

retry_at := max(ends) if {
	not no_maintenance
	count(ends) > 0
}

ends := {slot.to |
	some slot in agreements.readings.maintenances
	calendar.instant(slot.from) <= calendar.now_ns
	calendar.now_ns < calendar.instant(slot.to)
}

# Before `from`, or at `to` or later. An end of null never comes.
outside(from, _) if calendar.now_ns < calendar.instant(from)

outside(_, to) if calendar.now_ns >= calendar.instant(to)

# 1-a, 3.x, 9.2-b: decided by persons, no condition missing, and every decision's day has come.
activated if {
	contract := agreements.found
	contract.etat in {"active", "en_preavis"}
	contract.missing == []
	terms_accepted(agreements.readings.new_terms, contract.terms)
	time.parse_rfc3339_ns(contract.opens) <= calendar.now_ns
}

# 1-a: a version of the terms that is known; AMB-10: of several, any, or the newest only.
terms_accepted("informer", terms) if terms in agreements.readings.terms

terms_accepted("reaccepter", terms) if {
	known := agreements.readings.terms
	terms == known[count(known) - 1]
}

# 13-a: the first day without exchange; 14-d: two months after the notice; 14-e: until then the exchange goes on.
in_force if {
	contract := agreements.found
	contract.etat != "terminee"
	object.subset(contract, {"ends": null, "termination": null})
}

in_force if {
	contract := agreements.found
	contract.etat != "terminee"
	before_end_of_exchange(contract.ends)
	before_end_of_notice(contract.termination)
}

before_end_of_exchange(null)

before_end_of_exchange(day) if calendar.ahead(day)

before_end_of_notice(null)

before_end_of_notice(termination) if calendar.ahead(end_of_notice(termination))

# 14-d: never sooner than two months after the notice, later when the parties say so; 14-f: at once for security.
end_of_notice(termination) := termination.notified if {
	termination.at_once == true
	termination.effective == null
} else := termination.effective if {
	termination.at_once == true
} else := calendar.plus_months(termination.notified, 2) if {
	termination.effective == null
} else := max({termination.effective, calendar.plus_months(termination.notified, 2)})

# 12-a: an operator's suspension, from one moment to another; 3.4.2-d: a cut decided, or a critical risk past its deadline.
uncut if {
	contract := agreements.found
	contract.etat != "coupee_preventive"
	contract.suspensions == []
	contract.security.risk == null
}

uncut if {
	contract := agreements.found
	contract.etat != "coupee_preventive"
	none_now(contract.suspensions)
	security.risk_held(contract.security.risk)
}

# METADATA
# description: None of the suspensions goes on now.
# custom:
#   clause: 12-a
none_now([])

none_now(suspensions) if {
	is_array(suspensions)
	every suspension in suspensions {
		not_during(suspension)
	}
}

not_during(suspension) if calendar.now_ns < calendar.instant(suspension.from)

not_during(suspension) if {
	calendar.now_ns >= calendar.instant(suspension.to)
	may_reopen(suspension)
}

# 8-g4: after a suspension for security the exchange reopens only once it was verified.
may_reopen(suspension) if suspension.motif in {"maintenance", "autre"}

may_reopen(suspension) if {
	suspension.motif == "securite"
	calendar.instant(suspension.verified) <= calendar.now_ns
}

# METADATA
# description: Why the control fails; these explain, they do not decide.
# custom:
#   clause: 1-a
reasons contains "700700" if not agreements.readings.api_bloquee == false

reasons contains code if {
	switches.verdict != "pass"
	some code in switches.reasons
}

reasons contains "INF-MNT-01" if not no_maintenance

reasons contains "INF-SUSP-01" if not security.current

reasons contains "INF-SUSP-01" if agreements.found.etat == "suspendue_homologation"

reasons contains "INF-SUSP-02" if not uncut

reasons contains "INF-SUSP-03" if not in_force

# An end, a cut or a suspension that persons decided is told by its own code.
reasons contains "INF-SUSP-04" if {
	not activated
	not agreements.found.etat in {"terminee", "coupee_preventive", "suspendue_homologation"}
}

fallback := "INF-SUSP-04"
