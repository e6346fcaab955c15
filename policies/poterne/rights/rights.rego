# METADATA
# title: Control C5, the rights
# description: Every perimeter of the call is covered by one line of rights, whose text is in force, within its deposit window; and the token has the scope.
# custom:
#   clause: 4-C5
# schemas:
#   - input: schema.decision_input
package poterne.rights

import data.poterne.agreements
import data.poterne.calendar

# METADATA
# description: pass only when a right covers each perimeter, or the call needs none.
# custom:
#   clause: 4-C5
default verdict := "fail"

verdict := "pass" if {
	established
	agreements.known
	nothing_asked
} else := "pass" if {
	established
	agreements.known
	scoped
	all_covered
} else := "not_evaluated" if {
	established
	not agreements.known
}

established if {
	input.rights.established == true
	input.rights.failure == null
}

# Only the health of the API is read without a right (2.1-a).
nothing_asked if {
	input.rights.required == false
	input.call.operation == "consulter_etat"
	input.rights.perimeters == []
}

# The scope must be in the token, and still be granted to its client by the contract.
scoped if {
	is_string(input.call.scope)
	input.call.scope in input.identity.scopes
	input.call.scope in agreements.found.clients[input.identity.client_id].scopes
}

all_covered if {
	input.rights.required == true
	count(input.rights.perimeters) > 0
	every perimeter in input.rights.perimeters {
		perimeter.flux == input.call.flux
		perimeter.operation == input.call.operation
		covered(perimeter)
	}
}

covered(perimeter) if {
	some right in agreements.found.rights
	covers(right, perimeter, 6)
}

# METADATA
# description: Does this right match the first `depth` dimensions, in the order of the codes INF-DRT-01 to 06?
covers(right, perimeter, depth) if {
	every dimension in array.slice(dimensions, 0, depth) {
		matches(dimension, right, perimeter)
	}
}

dimensions := ["flux", "operation", "siret", "budget", "exercice", "periode"]

matches("flux", right, perimeter) if right.flux == perimeter.flux

matches("operation", right, perimeter) if perimeter.operation in right.operations

matches("siret", right, perimeter) if right.siret == perimeter.siret

matches("budget", right, perimeter) if perimeter.budget in right.budgets

matches("budget", right, perimeter) if {
	right.flux == "referentiel"
	perimeter.budget == null
}

matches("exercice", right, perimeter) if perimeter.exercice in right.exercices

matches("periode", right, perimeter) if {
	period_matches(right, perimeter)
	calendar.within(right.from, right.to)
	calendar.within(right.text.from, right.text.to)
}

# A période "2026-03" belongs to the exercice 2026; a right for one is no right for the other.
period_matches(right, perimeter) if {
	[year, month] := split(perimeter.periode, "-")
	year == sprintf("%d", [perimeter.exercice])
	month in right.months
}

period_matches(right, perimeter) if {
	right.flux == "referentiel"
	perimeter.periode == null
}

# --- the reason: the first dimension in which no right follows any more ---

form_codes := {
	"body_missing": "4000",
	"body_unreadable": "4000",
	"siret_invalid": "4001",
	"budget_invalid": "4002",
	"exercice_invalid": "4003",
	"periode_invalid": "4004",
	"flux_mismatch": "4005",
	"too_many_entries": "4006",
	"too_many_perimeters": "4006",
}

explained contains {"code": code, "control": "rights", "clause": "5.3-a"} if {
	not established
	code := object.get(form_codes, object.get(input, ["rights", "failure"], ""), "4000")
}

explained contains {"code": "900910", "control": "rights", "clause": "4-C5"} if {
	verdict == "fail"
	established
	agreements.known
	not nothing_asked
	not scoped
}

explained contains {"code": code, "control": "rights", "clause": "4-C5"} if {
	verdict == "fail"
	established
	agreements.known
	some perimeter in input.rights.perimeters
	not covered(perimeter)
	code := sprintf("INF-DRT-%02d", [first_unmatched(perimeter)])
}

# METADATA
# description: Why not; what no rule explains is refused all the same, as a flux without a right.
default reasons := set()

reasons := explained if {
	count(explained) > 0
} else := {{"code": "INF-DRT-01", "control": "rights", "clause": "4-C5"}} if {
	verdict == "fail"
}

first_unmatched(perimeter) := min({depth |
	some depth in numbers.range(1, 6)
	not followed(perimeter, depth)
})

followed(perimeter, depth) if {
	some right in agreements.found.rights
	covers(right, perimeter, depth)
}
