# METADATA
# title: May an access token be issued?
# description: To an authenticated client of the certificate's own contract, from its address, while the contract is usable.
# custom:
#   clause: 8-b
# schemas:
#   - input: schema.token_input
package poterne.token

import data.poterne.address
import data.poterne.agreements
import data.poterne.certificate
import data.poterne.contract
import data.poterne.exceptions
import data.poterne.reasons

order := ["certificate", "address", "client", "contract"]

controls := {
	"certificate": exceptions.held("certificate", certificate.verdict),
	"address": exceptions.held("address", address.verdict),
	"client": exceptions.held("client", client_verdict),
	"contract": exceptions.held("contract", contract.verdict),
}

# METADATA
# description: pass only for an authenticated client of this contract that asks for no more than its scopes.
# custom:
#   clause: 8-b
default client_verdict := "fail"

client_verdict := "pass" if {
	authenticated == true
	of_contract == true
	as_agreed == true
	granted == true
} else := "not_evaluated" if {
	agreements.known == false
	authenticated == true
}

authenticated if {
	input.client.authenticated == true
	input.client.failure == null
	is_string(input.client.client_id)
	is_string(input.client.method)
}

# How each word of a contract's `auth` is seen at the endpoint; all of them over mutual TLS (RFC 6749 2.3, RFC 7523, RFC 8705).
methods := {
	"client_secret_basic+mtls": "client_secret_basic",
	"private_key_jwt+mtls": "private_key_jwt",
	"tls_client_auth": "tls_client_auth",
	"self_signed_tls_client_auth": "self_signed_tls_client_auth",
}

# The client authenticated in the way that its contract names, and in no other.
as_agreed if methods[agreements.found.clients[input.client.client_id].auth] == input.client.method

# The client is the contract's, and the certificate names that contract's SIREN (4-C4).
of_contract if {
	agreements.environment.clients[input.client.client_id] == agreements.id
	is_string(input.certificate.siren)
	input.certificate.siren == agreements.found.siren
}

client_scopes := {scope | some scope in agreements.found.clients[input.client.client_id].scopes}

granted if {
	is_array(input.client.requested_scopes)
	count(client_scopes) > 0
	every scope in input.client.requested_scopes {
		scope in client_scopes
	}
}

client_reasons contains "INF-CLI-01" if not authenticated

client_reasons contains "INF-CLI-01" if {
	agreements.known == true
	not of_contract
}

client_reasons contains "INF-CLI-01" if {
	agreements.known == true
	authenticated == true
	not as_agreed
}

client_reasons contains "INF-CLI-02" if {
	authenticated == true
	of_contract == true
	not granted
}

default allow := false

allow if {
	controls.certificate == "pass"
	controls.address == "pass"
	controls.client == "pass"
	controls.contract == "pass"
}

# METADATA
# title: The decision on a token
# description: A whole document, also when something in it could not be evaluated.
# entrypoint: true
# custom:
#   clause: 8-b
default decision := {
	"allow": false,
	"controls": {
		"certificate": "not_evaluated",
		"address": "not_evaluated",
		"client": "not_evaluated",
		"contract": "not_evaluated",
	},
	"reasons": [{"code": "INF-DEP-01", "control": "gateway", "clause": "4-c"}],
	"contract": null,
	"scopes": [],
	"exceptions": [],
	"revision": "none",
}

decision := {
	"allow": allow,
	"controls": controls,
	"reasons": explained,
	"contract": agreements.id,
	"scopes": scopes,
	"exceptions": exceptions.names,
	"revision": data.revision,
}

# An allowed call has nothing to explain: the reasons are not even evaluated.
explained := [] if {
	allow == true
} else := reasons.listed(order, controls, given, fallbacks)

given := {
	"certificate": exceptions.reasons("certificate", certificate.reasons, certificate.verdict),
	"address": exceptions.reasons("address", address.reasons, address.verdict),
	"client": exceptions.reasons("client", client_reasons, client_verdict),
	"contract": exceptions.reasons("contract", contract.reasons, contract.verdict),
}

fallbacks := {
	"certificate": certificate.fallback,
	"address": address.fallback,
	"client": "INF-CLI-01",
	"contract": contract.fallback,
}

# No scope asked for is all of them (RFC 6749 section 3.3: the server's default).
default scopes := []

scopes := sort(client_scopes) if {
	allow == true
	input.client.requested_scopes == []
} else := sort({scope | some scope in input.client.requested_scopes}) if {
	allow == true
}
