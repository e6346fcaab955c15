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
	agreements.found.api == input.call.api
	some line in agreements.found.rights
	line.flux == perimeter.flux
	perimeter.operation in line.operations
	line.siret == perimeter.siret
	budget_matches(line, perimeter)
	exercice_matches(line, perimeter)
	periode_matches(line, perimeter)
	calendar.within(line.from, line.to)
	calendar.within_open(line.text.from, line.text.to)
}

ours contains line if {
	agreements.found.api == input.call.api
	some line in agreements.found.rights
}

# A line without budgets is for what has none (référentiels); the same for exercices and périodes.
budget_matches(line, perimeter) if perimeter.budget in line.budgets

budget_matches(line, perimeter) if {
	line.budgets == []
	perimeter.budget == null
}

exercice_matches(line, perimeter) if perimeter.exercice in line.exercices

exercice_matches(line, perimeter) if {
	line.exercices == []
	perimeter.exercice == null
}

# A période "2026-03" belongs to the exercice 2026; a right for one is no right for the other. Where an API has no exercice,
# its période stands alone.
periode_matches(line, perimeter) if {
	month := substring(perimeter.periode, 5, -1)
	month in line.months
	perimeter.periode == sprintf("%04d-%s", [perimeter.exercice, month])
}

periode_matches(line, perimeter) if {
	line.exercices == []
	perimeter.exercice == null
	perimeter.periode in line.months
}

periode_matches(line, perimeter) if {
	line.months == []
	perimeter.periode == null
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
	budget_matches(line, perimeter)
}

of_exercice(perimeter) := {line |
	some line in of_budget(perimeter)
	exercice_matches(line, perimeter)
}
