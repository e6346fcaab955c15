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

word := "terminee" if {
	agreements.known
	not contract.in_force
} else := "non_active" if {
	agreements.known
	not decided
} else := "coupee_preventive" if {
	agreements.known
	not security.risk_held
} else := "coupee_preventive" if {
	agreements.known
	not contract.decided_not_cut
} else := "suspendue_operateur" if {
	agreements.known
	not contract.not_suspended
} else := "suspendue_homologation" if {
	agreements.known
	agreements.found.etat == "suspendue_homologation"
} else := security_word if {
	agreements.known
	not security.current
} else := "non_active" if {
	agreements.known
	not contract.activated
} else := "en_preavis" if {
	agreements.known
	in_notice
} else := "active" if {
	agreements.known
}

decided if not agreements.found.etat in {"brouillon", "instruite"}

# 14-e: from the notice to the end.
in_notice if agreements.found.etat == "en_preavis"

in_notice if is_object(agreements.found.termination)

security_word := "suspendue_questionnaire" if {
	agreements.found.security.way == "questionnaire"
} else := "suspendue_homologation"
