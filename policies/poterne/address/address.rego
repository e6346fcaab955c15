# METADATA
# title: Control C2, the address
# description: The source (TCP peer, or what a trusted balancer or proxy says) is in one of the contract's networks, IPv4 or IPv6.
# custom:
#   clause: 4-C2
# schemas:
#   - input: schema.decision_input
package poterne.address

import data.poterne.agreements

# METADATA
# description: pass only when one network holds the source; not_evaluated when no contract names networks.
# custom:
#   clause: 4-C2
default verdict := "fail"

verdict := "pass" if {
	established == true
	some network in agreements.found.addresses
	net.cidr_contains(network, input.address.source)
} else := "not_evaluated" if {
	agreements.known == false
	established == true
}

# One address, never a network: net.cidr_contains takes a network inside another for contained.
established if {
	input.address.failure == null
	regex.match(`^[0-9A-Fa-f:.]{2,45}$`, input.address.source)
	regex.match(`^[0-9A-Fa-f:.]{2,45}$`, input.address.peer)
	input.address.told_by in {"peer", "proxy_v1", "proxy_v2", "forwarded", "x_forwarded_for"}
}

# METADATA
# description: Why the control fails.
# custom:
#   clause: 4-C2
reasons := {"900805"}

fallback := "900805"
