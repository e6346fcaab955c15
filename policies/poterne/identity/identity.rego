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
	valid
	bound
	of_contract
	same_siren
} else := "not_evaluated" if {
	valid
	bound
	not agreements.known
}

valid if {
	input.identity.presented == true
	input.identity.verified == true
	input.identity.failure == null
	input.identity.environment == input.environment
	calendar.now_ns < time.parse_rfc3339_ns(input.identity.expires_at)
}

# RFC 8705 section 3: the token's confirmation is this connection's certificate.
bound if {
	is_string(input.identity.certificate_sha256)
	input.identity.certificate_sha256 == input.certificate.sha256
}

of_contract if {
	agreements.known
	agreements.found.clients[input.identity.client_id]
}

same_siren if input.certificate.siren == agreements.found.siren

code := "900902" if {
	not presented
} else := "900901" if {
	not valid
} else := "INF-IDC-01" if {
	not bound
} else := "INF-IDC-01" if {
	not of_contract
} else := "INF-IDC-02"

presented if input.identity.presented == true

reasons contains {"code": code, "control": "identity", "clause": "4-C4"} if verdict == "fail"
