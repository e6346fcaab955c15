# METADATA
# title: Control C3, the technical identifier
# description: ID_Teleservice is there once, well-formed, and the contract's.
# custom:
#   clause: 4-C3
# schemas:
#   - input: schema.decision_input
package poterne.identifier

import data.poterne.agreements

# METADATA
# description: pass only when the identifier is one of the contract's.
# custom:
#   clause: 4-C3
default verdict := "fail"

verdict := "pass" if {
	established
	agreements.known
	input.identifier.value in agreements.found.identifiers
} else := "not_evaluated" if {
	established
	not agreements.known
}

established if {
	input.identifier.presented == true
	input.identifier.failure == null
	is_string(input.identifier.value)
}

code := "INF-IDT-01" if {
	not presented
} else := "INF-IDT-02" if {
	not established
} else := "INF-IDT-03"

presented if input.identifier.presented == true

reasons contains {"code": code, "control": "identifier", "clause": "4-C3"} if verdict == "fail"
