# METADATA
# title: The state of a contract in one word
# description: >-
#   For records and reports: it explains and decides nothing. Of several that hold, the first here is told.
# custom:
#   clause: 1-a
# schemas:
#   - input: schema.decision_input
package poterne.contract.state

import data.poterne.agreements
import data.poterne.contract
import data.poterne.contract.security

# METADATA
# description: The state now; null for a call that leads to no contract.
# custom:
#   clause: 1-a
default word := null

word := "active" if {
	contract.verdict == "pass"
	object.subset(agreements.found, {"etat": "active", "termination": null})
} else := "terminee" if {
	agreements.known == true
	not contract.in_force
} else := "non_active" if {
	agreements.known == true
	not decided
} else := "coupee_preventive" if {
	agreements.known == true
	not security.risk_held(agreements.found.security.risk)
} else := "coupee_preventive" if {
	agreements.known == true
	agreements.found.etat == "coupee_preventive"
} else := "suspendue_operateur" if {
	agreements.known == true
	not contract.none_now(agreements.found.suspensions)
} else := "suspendue_homologation" if {
	agreements.known == true
	agreements.found.etat == "suspendue_homologation"
} else := security_word if {
	agreements.known == true
	not security.current
} else := "non_active" if {
	agreements.known == true
	not contract.activated
} else := "en_preavis" if {
	agreements.known == true
	in_notice == true
} else := "active" if {
	agreements.known == true
}

decided if not agreements.found.etat in {"brouillon", "instruite"}

# 14-e: from the notice to the end.
in_notice if agreements.found.etat == "en_preavis"

in_notice if is_object(agreements.found.termination)

security_word := "suspendue_questionnaire" if {
	agreements.found.security.way == "questionnaire"
} else := "suspendue_homologation"
