# METADATA
# title: Control C2, the address
# description: The TCP peer is in one of the contract's networks.
# custom:
#   clause: 4-C2
# schemas:
#   - input: schema.decision_input
package poterne.address

import data.poterne.agreements

# METADATA
# description: pass only when one network holds the source.
# custom:
#   clause: 4-C2
default verdict := "fail"

verdict := "pass" if {
	agreements.known
	input.address.failure == null
	declared
} else := "not_evaluated" if {
	not agreements.known
	input.address.failure == null
}

# One address, not a network of addresses.
declared if {
	not contains(input.address.source, "/")
	some network in agreements.found.addresses
	net.cidr_contains(network, input.address.source)
}

reasons contains {"code": "900805", "control": "address", "clause": "4-C2"} if verdict == "fail"
