# METADATA
# title: The one question that the gateway asks
# description: Allow only when every control says "pass"; the reasons explain, they do not decide.
# custom:
#   clause: 4-C1..4-C5
# schemas:
#   - input: schema.decision_input
package poterne

import data.poterne.address
import data.poterne.agreements
import data.poterne.certificate
import data.poterne.contract
import data.poterne.contract.state
import data.poterne.exceptions
import data.poterne.identifier
import data.poterne.identity
import data.poterne.links
import data.poterne.reasons
import data.poterne.rights
import data.poterne.switches

order := ["certificate", "address", "identifier", "identity", "contract", "rights"]

controls := {
	"certificate": certificate.verdict,
	"address": address.verdict,
	"identifier": identifier.verdict,
	"identity": identity.verdict,
	"contract": contract.verdict,
	"rights": rights.verdict,
} if {
	exceptions.none == true
} else := {
	"certificate": exceptions.held("certificate", certificate.verdict),
	"address": exceptions.held("address", address.verdict),
	"identifier": exceptions.held("identifier", identifier.verdict),
	"identity": exceptions.held("identity", identity.verdict),
	"contract": exceptions.held("contract", contract.verdict),
	"rights": exceptions.held("rights", rights.verdict),
}

default allow := false

allow if {
	controls == {
		"certificate": "pass", "address": "pass", "identifier": "pass",
		"identity": "pass", "contract": "pass", "rights": "pass",
	}
}

# METADATA
# title: The decision
# description: A whole document, also when something in it could not be evaluated.
# entrypoint: true
# custom:
#   clause: 4-C1..4-C5
default decision := {
	"allow": false,
	"controls": {
		"certificate": "not_evaluated",
		"address": "not_evaluated",
		"identifier": "not_evaluated",
		"identity": "not_evaluated",
		"contract": "not_evaluated",
		"rights": "not_evaluated",
	},
	"reasons": [{"code": "INF-DEP-01", "control": "gateway", "clause": "4-c"}],
	"contract": null,
	"state": null,
	"retry_at": null,
	"quota": null,
	"assertion": null,
	"obligations": [],
	"exceptions": [],
	"broken_links": [],
	"revision": "none",
}

# An allowed call has nothing to explain: its reasons are not even evaluated.
decision := {
	"allow": true,
	"controls": controls,
	"reasons": [],
	"contract": agreements.id,
	"state": state.word,
	"retry_at": null,
	"quota": quota,
	"assertion": assertion,
	"obligations": [],
	"exceptions": exceptions.names,
	"broken_links": [],
	"revision": data.revision,
} if {
	allow == true
} else := {
	"allow": false,
	"controls": controls,
	"reasons": reasons.listed(order, controls, given, fallbacks),
	"contract": agreements.id,
	"state": state.word,
	"retry_at": contract.retry_at,
	"quota": quota,
	"assertion": null,
	"obligations": [],
	"exceptions": exceptions.names,
	"broken_links": links.broken,
	"revision": data.revision,
}

# Only what a control that fails has to say is evaluated.
given["certificate"] := exceptions.reasons("certificate", certificate.reasons, certificate.verdict) if controls.certificate == "fail"

given["address"] := exceptions.reasons("address", address.reasons, address.verdict) if controls.address == "fail"

given["identifier"] := exceptions.reasons("identifier", identifier.reasons, identifier.verdict) if controls.identifier == "fail"

given["identity"] := exceptions.reasons("identity", identity.reasons, identity.verdict) if controls.identity == "fail"

given["contract"] := exceptions.reasons("contract", contract.reasons, contract.verdict) if controls.contract == "fail"

given["rights"] := exceptions.reasons("rights", rights.reasons, rights.verdict) if controls.rights == "fail"

fallbacks := {
	"certificate": certificate.fallback,
	"address": address.fallback,
	"identifier": identifier.fallback,
	"identity": identity.fallback,
	"contract": contract.fallback,
	"rights": rights.fallback,
}

# AMB-3: a known consumer's call is charged whatever the other controls say.
default quota := null

quota := agreements.found.quota if {
	input.switches == []
	agreements.found.quota.extra == []
	controls.certificate == "pass"
	controls.identity == "pass"
} else := {
	"key": charged.key,
	"limit": switches.lowest(charged.limit),
	"window_s": charged.window_s,
	"extra": [extra | some limit in charged.extra; extra := window(limit)],
} if {
	controls.certificate == "pass"
	controls.identity == "pass"
	charged := agreements.found.quota
	is_array(charged.extra)
}

# 3.1.1-g: what is charged besides. A limit is left out only when it is surely another's: of another flux or operation.
window(limit) := {field: object.get(limit, field, null) | some field in ["name", "limit", "window_s", "unit"]} if {
	not of_another(limit, "flux")
	not of_another(limit, "operation")
}

of_another(limit, dimension) if {
	is_string(limit[dimension])
	limit[dimension] != input.call[dimension]
}

default assertion := null

assertion := {
	"organisation": agreement.organisation,
	"application": input.identity.client_id,
	"keytype": upper(input.environment),
	"convention": agreements.id,
	"siren": agreement.siren,
	"enveloppeInterventionDistincte": agreement.enveloppe_intervention_distincte,
} if {
	allow == true
	agreement := agreements.found
}
