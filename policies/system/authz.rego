# METADATA
# title: What OPA's own HTTP API answers
# description: The two questions of the gateway, health, metrics and status; nothing that reads or changes data or policies.
# custom:
#   clause: 10-C
package system.authz

# METADATA
# description: Refused unless it is one of the agreed requests.
# custom:
#   clause: 10-C
default allow := false

questions := {
	["v1", "data", "poterne", "decision"],
	["v1", "data", "poterne", "token", "decision"],
}

allow if {
	input.method == "POST"
	input.path in questions
	every name, _ in input.params {
		name == "provenance"
	}
}

allow if {
	input.method == "GET"
	input.path in {["health"], ["metrics"], ["v1", "status"]}
}
