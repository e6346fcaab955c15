# METADATA
# title: Control C5, the rights
# description: Every perimeter of the call is covered by one line of rights, whose text is in force, within its deposit window; and the token has the scope.
# custom:
#   clause: 4-C5
# schemas:
#   - input: schema.decision_input
package poterne.rights

import data.poterne.agreements
import data.poterne.rights.lines

# METADATA
# description: pass only when a right covers each perimeter, or the call needs none.
# custom:
#   clause: 4-C5
default verdict := "fail"

verdict := "pass" if {
	established == true
	input.call.api == agreements.found.api
	input.rights.required == true
	scoped == true
	all_covered == true
} else := "pass" if {
	established == true
	nothing_asked == true
} else := "not_evaluated" if {
	agreements.known == false
	established == true
}

# The facts of the call and of the body are all there, of their types; a missing one proves nothing.
established if {
	object.subset(input.rights, {"established": true, "failure": null})
	is_boolean(input.rights.required)
	is_number(input.rights.entries)
	is_array(input.rights.perimeters)
	is_string(input.call.api)
	is_string(input.call.method)
	is_string(input.call.path)
	is_string(input.call.route)
	is_string(input.call.operation)
}

# Only the health of the API is read without a right (2.1-a); a contract is for one API.
nothing_asked if {
	own_api == true
	input.rights.required == false
	input.call.method == "GET"
	input.call.operation == "consulter_etat"
	input.call.flux == null
	input.call.scope == null
	input.rights.entries == 0
	input.rights.perimeters == []
}

own_api if input.call.api == agreements.found.api

# The scope must be in the token, and still be granted to its client by the contract.
scoped if {
	is_array(input.identity.scopes)
	input.call.scope in input.identity.scopes
	input.call.scope in agreements.found.clients[input.identity.client_id].scopes
}

all_covered if {
	input.rights.entries >= 1
	number := count(input.rights.perimeters)
	number >= 1
	number <= 1000
	every perimeter in input.rights.perimeters {
		perimeter.flux == input.call.flux
		perimeter.operation == input.call.operation
		lines.covered(perimeter)
	}
}

# --- the reasons ---

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

# METADATA
# description: Why the control fails; these explain, they do not decide.
# custom:
#   clause: 4-C5
reasons contains form_codes[input.rights.failure]

reasons contains "900910" if {
	agreements.known == true
	established == true
	own_api == true
	not nothing_asked
	not scoped
}

# A contract for one API has no right for another, not even to its state.
reasons contains "INF-DRT-01" if {
	agreements.known == true
	established == true
	not own_api
}

# The first dimension in which no right follows any more, for each perimeter that no right covers.
reasons contains code if {
	agreements.known == true
	established == true
	some perimeter in input.rights.perimeters
	code := lines.first_unmatched(perimeter)
}

fallback := "4000"
