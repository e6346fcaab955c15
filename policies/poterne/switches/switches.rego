# METADATA
# title: What operators cut or restricted
# description: >-
#   The gateway sends every switch that could concern the call; each must be shown to leave the call alone. One that cannot be
#   read, or whose target cannot be told from the call's, refuses.
# custom:
#   clause: "8-g1, 12-a"
# schemas:
#   - input: schema.decision_input
package poterne.switches

import data.poterne.agreements

# METADATA
# description: pass only when every switch is surely another's, or a restriction that leaves this call its right.
# custom:
#   clause: "8-g1, 12-a"
default verdict := "fail"

verdict := "pass" if {
	input.switches == []
} else := "pass" if {
	is_array(input.switches)
	every switch in input.switches {
		harmless(switch)
	}
}

harmless(switch) if {
	readable(switch)
	elsewhere(switch)
}

# 8-g3: a restriction leaves what it names; what it does not name it does not touch.
harmless(switch) if {
	readable(switch)
	switch.kind == "restrict"
	left(switch)
}

readable(switch) if {
	is_string(switch.id)
	switch.kind in {"cut", "restrict"}
	switch.environment in {null, "production", "sandbox"}
	switch.target in {"convention", "certificate", "ip", "client", "flux", "all"}
	no_limit_or_number(switch.limit)
	everything_or_names(switch.operations)
	everything_or_names(switch.flux)
}

no_limit_or_number(null)

no_limit_or_number(limit) if is_number(limit)

everything_or_names(null)

everything_or_names(names) if {
	is_array(names)
	every name in names {
		is_string(name)
	}
}

# Surely not this call's: each of these compares a text with a text that is known.
elsewhere(switch) if {
	is_string(switch.environment)
	is_string(input.environment)
	switch.environment != input.environment
}

elsewhere(switch) if {
	switch.target == "convention"
	is_string(switch.value)
	is_string(agreements.id)
	switch.value != agreements.id
}

elsewhere(switch) if {
	switch.target == "certificate"
	is_string(switch.value)
	is_string(input.certificate.sha256)
	is_string(input.certificate.spki_sha256)
	switch.value != input.certificate.sha256
	switch.value != input.certificate.spki_sha256
}

elsewhere(switch) if {
	switch.target == "ip"
	is_string(switch.value)
	is_string(input.address.source)
	net.cidr_contains(switch.value, input.address.source) == false
}

elsewhere(switch) if {
	switch.target == "client"
	is_string(switch.value)
	is_string(client_id)
	switch.value != client_id
}

elsewhere(switch) if {
	switch.target == "flux"
	is_string(switch.value)
	a_call == true
	switch.value != input.call.flux
}

# A request for a token is of no flux, and asks for no operation.
elsewhere(switch) if {
	switch.target == "flux"
	is_string(switch.value)
	a_token_request == true
}

a_call if is_object(input.call)

a_token_request if {
	not a_call
	is_object(object.get(input, "client", null))
}

client_id := input.identity.client_id if a_call

client_id := object.get(input, ["client", "client_id"], null) if a_token_request

left(switch) if {
	among(switch.operations, input.call.operation)
	among(switch.flux, input.call.flux)
}

left(_) if input.rights.required == false

left(_) if a_token_request

among(null, _)

among(names, name) if {
	is_string(name)
	name in names
}

# METADATA
# description: The lowest of the contract's own limit of calls and those that restrictions set for this call.
# custom:
#   clause: "8-g3, 9.2-a"
lowest(own) := own if {
	input.switches == []
} else := min({own} | limits)

# METADATA
# description: The limits of calls that restrictions set for this call; the contract's own applies as well.
# custom:
#   clause: "8-g3, 9.2-a"
limits contains switch.limit if {
	some switch in input.switches
	switch.kind == "restrict"
	switch.limit != null
	not elsewhere(switch)
}

# METADATA
# description: Why the control fails; these explain, they do not decide.
# custom:
#   clause: "8-g1, 12-a"
reasons contains "700700" if {
	some switch in input.switches
	not harmless(switch)
	switch.kind == "cut"
	switch.target == "all"
}

reasons contains "INF-SUSP-02" if {
	some switch in input.switches
	not harmless(switch)
	switch.kind == "cut"
	switch.target != "all"
}

reasons contains "INF-SUSP-05" if {
	some switch in input.switches
	not harmless(switch)
	switch.kind == "restrict"
}

# What cannot be read cuts.
reasons contains "INF-SUSP-02" if {
	verdict == "fail"
	not readable_all
}

readable_all if {
	is_array(input.switches)
	every switch in input.switches {
		readable(switch)
	}
}
