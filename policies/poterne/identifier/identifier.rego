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
# description: pass only when the identifier leads to the contract of the certificate.
# custom:
#   clause: 4-C3
default verdict := "fail"

verdict := "pass" if {
	object.subset(input.identifier, {"presented": true, "failure": null})
	agreements.environment.identifiers[input.identifier.value] == agreements.id
} else := "not_evaluated" if {
	agreements.known == false
	established == true
}

established if {
	object.subset(input.identifier, {"presented": true, "failure": null})
	regex.match(`^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$`, input.identifier.value)
}

# For the reasons and links, as the verdict says it.
of_contract if agreements.environment.identifiers[input.identifier.value] == agreements.id

# METADATA
# description: Why the control fails.
# custom:
#   clause: 4-C3
reasons contains "INF-IDT-01" if absent

absent if input.identifier.presented == false

absent if input.identifier.failure == "absent"

reasons contains "INF-IDT-02" if {
	not absent
	not established
}

reasons contains "INF-IDT-03" if {
	agreements.known == true
	established == true
	not of_contract
}

fallback := "INF-IDT-02"
