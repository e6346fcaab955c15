# METADATA
# title: The lines of rights of a contract
# description: One line covers a perimeter when all six dimensions match, today is in its deposit window and its text is in force.
# custom:
#   clause: "4-C5, 13-b"
# schemas:
#   - input: schema.decision_input
package poterne.rights.lines

import data.poterne.agreements
import data.poterne.calendar

# METADATA
# description: Does one line cover all of this perimeter?
# custom:
#   clause: 4-C5
covered(perimeter) if {
	today := calendar.today
	month := month_of(perimeter)
	some line in agreements.found.rights
	line.flux == perimeter.flux
	line.siret == perimeter.siret
	perimeter.operation in line.operations
	perimeter.budget in line.budgets
	perimeter.exercice in line.exercices
	month in line.months
	is_string(line.from) # null would come before every day
	line.from <= today
	today <= line.to
	is_string(line.text.from) # 13-b
	line.text.from <= today
	today <= line.text.to
}

# What a right does not have it lists as null, and the perimeter must say null there. A période "2026-03" is the month 03 of the
# exercice 2026 and of no other; where an API has no exercice, its période stands alone.
month_of(perimeter) := month if {
	month := substring(perimeter.periode, 5, -1)
	perimeter.periode == sprintf("%04d-%s", [perimeter.exercice, month])
} else := perimeter.periode if {
	perimeter.exercice == null
} else := null if {
	perimeter.periode == null
}

ours contains line if {
	agreements.found.api == input.call.api
	some line in agreements.found.rights
}

# METADATA
# description: >-
#   The code of the first dimension, in the order flux, operation, SIRET, budget, exercice, période or window, for which no
#   line that matched all earlier dimensions matches. Undefined for a perimeter that is covered.
# custom:
#   clause: 4-C5
first_unmatched(perimeter) := "INF-DRT-01" if {
	count(of_flux(perimeter)) == 0
} else := "INF-DRT-02" if {
	count(of_operation(perimeter)) == 0
} else := "INF-DRT-03" if {
	count(of_siret(perimeter)) == 0
} else := "INF-DRT-04" if {
	count(of_budget(perimeter)) == 0
} else := "INF-DRT-05" if {
	count(of_exercice(perimeter)) == 0
} else := "INF-DRT-06" if {
	not covered(perimeter)
}

of_flux(perimeter) := {line |
	some line in ours
	line.flux == perimeter.flux
	perimeter.flux == input.call.flux
}

of_operation(perimeter) := {line |
	some line in of_flux(perimeter)
	perimeter.operation in line.operations
	perimeter.operation == input.call.operation
}

of_siret(perimeter) := {line |
	some line in of_operation(perimeter)
	line.siret == perimeter.siret
}

of_budget(perimeter) := {line |
	some line in of_siret(perimeter)
	perimeter.budget in line.budgets
}

of_exercice(perimeter) := {line |
	some line in of_budget(perimeter)
	perimeter.exercice in line.exercices
}
