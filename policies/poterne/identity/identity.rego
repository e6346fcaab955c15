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
	valid == true
	bound == true
	agreements.environment.clients[input.identity.client_id] == agreements.id
	input.certificate.siren == agreements.found.siren
} else := "not_evaluated" if {
	agreements.known == false
	valid == true
	bound == true
}

# The issuer's clock may be a little ahead of ours, by a minute at most; an end is an end.
valid if {
	object.subset(input.identity, {"presented": true, "verified": true, "failure": null})
	is_string(input.identity.client_id)
	concat(" ", input.identity.scopes) # undefined unless all are texts
	input.identity.environment == input.environment
	input.identity.revocation in {"good", "last_known"}
	now := calendar.now_ns
	now < time.parse_rfc3339_ns(input.identity.expires_at)
	input.identity.leeway_s >= 0 # what is no number is not between two
	input.identity.leeway_s <= 60
	time.parse_rfc3339_ns(input.identity.issued_at) <= now + (input.identity.leeway_s * 1000000000)
}

# RFC 8705 section 3: the token's confirmation is this connection's certificate.
bound if {
	is_string(input.identity.certificate_sha256)
	input.identity.certificate_sha256 == input.certificate.sha256
}

# For the reasons and links, as the verdict says it.
of_contract if agreements.environment.clients[input.identity.client_id] == agreements.id

same_siren if input.certificate.siren == agreements.found.siren

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
	not unknown
	not valid
}

# Nobody can say at the moment whether the token is good: the caller's is not to blame.
reasons contains "INF-DEP-05" if unknown

unknown if input.identity.failure in {"keys_unknown", "revocation_unknown"}

# A token without a confirmation, or with that of another certificate.
reasons contains "INF-IDC-01" if unbound

unbound if input.identity.failure == "unbound"

reasons contains "INF-IDC-01" if {
	valid == true
	not bound
}

reasons contains "INF-IDC-01" if {
	agreements.known == true
	valid == true
	not of_contract
}

reasons contains "INF-IDC-02" if {
	agreements.known == true
	not same_siren
}

fallback := "900901"
