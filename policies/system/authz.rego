# METADATA
# title: What OPA's own HTTP API answers
# description: The two questions of the gateway, health, metrics and status; nothing that reads or changes data or policies.
# custom:
#   clause: 10-C
package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path in [["v1", "data", "poterne", "decision"], ["v1", "data", "poterne", "token", "decision"]]
}

allow if {
	input.method == "GET"
	input.path in [["health"], ["metrics"], ["v1", "status"]]
}
