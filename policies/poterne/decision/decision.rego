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
	"certificate": exceptions.held("certificate", certificate.verdict),
	"address": exceptions.held("address", address.verdict),
	"identifier": exceptions.held("identifier", identifier.verdict),
	"identity": exceptions.held("identity", identity.verdict),
	"contract": exceptions.held("contract", contract.verdict),
	"rights": exceptions.held("rights", rights.verdict),
}

default allow := false

allow if {
	controls.certificate == "pass"
	controls.address == "pass"
	controls.identifier == "pass"
	controls.identity == "pass"
	controls.contract == "pass"
	controls.rights == "pass"
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

decision := {
	"allow": allow,
	"controls": controls,
	"reasons": explained,
	"contract": agreements.id,
	"state": state.word,
	"retry_at": contract.retry_at,
	"quota": quota,
	"assertion": assertion,
	"obligations": [],
	"exceptions": exceptions.names,
	"broken_links": broken_links,
	"revision": data.revision,
}

# An allowed call has nothing to explain: the reasons are not even evaluated.
explained := [] if {
	allow
} else := reasons.listed(order, controls, given, fallbacks)

broken_links := [] if {
	allow
} else := links.broken

given := {
	"certificate": exceptions.reasons("certificate", certificate.reasons, certificate.verdict),
	"address": exceptions.reasons("address", address.reasons, address.verdict),
	"identifier": exceptions.reasons("identifier", identifier.reasons, identifier.verdict),
	"identity": exceptions.reasons("identity", identity.reasons, identity.verdict),
	"contract": exceptions.reasons("contract", contract.reasons, contract.verdict),
	"rights": exceptions.reasons("rights", rights.reasons, rights.verdict),
}

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

quota := {
	"key": sprintf("%s:%s", [input.environment, agreements.id]),
	"limit": min({agreements.found.quota.limit} | switches.limits),
	"window_s": agreements.found.quota.window_s,
	"extra": extra_windows,
} if {
	controls.certificate == "pass"
	controls.identity == "pass"
	is_array(agreements.found.quota.extra)
}

# 3.1.1-g: what is charged besides. A limit is left out only when it is surely another's: of another flux or operation.
extra_windows := [charged |
	some limit in agreements.found.quota.extra
	not of_another(limit, "flux")
	not of_another(limit, "operation")
	charged := {field: object.get(limit, field, null) | some field in ["name", "limit", "window_s", "unit"]}
]

of_another(limit, dimension) if {
	is_string(limit[dimension])
	limit[dimension] != input.call[dimension]
}

default assertion := null

assertion := {
	"organisation": agreements.found.organisation,
	"application": input.identity.client_id,
	"keytype": {"production": "PRODUCTION", "sandbox": "SANDBOX"}[input.environment],
	"convention": agreements.id,
	"siren": agreements.found.siren,
	"enveloppeInterventionDistincte": agreements.found.enveloppe_intervention_distincte,
} if {
	allow
}
