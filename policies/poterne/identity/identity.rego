# METADATA
# title: Control C4, the identity
# description: A valid token of this environment, bound to this certificate, of a client of the same contract, whose SIREN the certificate names.
# custom:
#   clause: 4-C4
# schemas:
#   - input: schema.decision_input
package poterne.identity

import data.poterne.agreements
import data.poterne.calendar

# METADATA
# description: pass only when token, certificate and contract name one consumer.
# custom:
#   clause: 4-C4
default verdict := "fail"

verdict := "pass" if {
	agreements.known
	valid
	bound
	of_contract
	same_siren
} else := "not_evaluated" if {
	agreements.known == false
	valid
	bound
}

valid if {
	input.identity.presented == true
	input.identity.verified == true
	input.identity.failure == null
	is_string(input.identity.client_id)
	is_array(input.identity.scopes)
	every scope in input.identity.scopes {
		is_string(scope)
	}
	input.identity.environment == input.environment
	calendar.instant(input.identity.issued_at) <= calendar.now_ns
	calendar.now_ns < calendar.instant(input.identity.expires_at)
}

# RFC 8705 section 3: the token's confirmation is this connection's certificate.
bound if {
	is_string(input.identity.certificate_sha256)
	input.identity.certificate_sha256 == input.certificate.sha256
}

of_contract if agreements.environment.clients[input.identity.client_id] == agreements.id

same_siren if {
	is_string(input.certificate.siren)
	input.certificate.siren == agreements.found.siren
}

# METADATA
# description: Why the control fails.
# custom:
#   clause: 4-C4
reasons contains "900902" if absent

absent if input.identity.presented == false

absent if input.identity.failure == "absent"

reasons contains "900901" if {
	not absent
	not unbound
	not valid
}

# A token without a confirmation, or with that of another certificate.
reasons contains "INF-IDC-01" if unbound

unbound if input.identity.failure == "unbound"

reasons contains "INF-IDC-01" if {
	valid
	not bound
}

reasons contains "INF-IDC-01" if {
	agreements.known
	valid
	not of_contract
}

reasons contains "INF-IDC-02" if {
	agreements.known
	not same_siren
}

fallback := "900901"
