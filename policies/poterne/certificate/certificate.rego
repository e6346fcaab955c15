# METADATA
# title: Control C1, the certificate
# description: Its path was verified, it is current, not revoked, of the right usage, and registered in a contract.
# custom:
#   clause: 4-C1
# schemas:
#   - input: schema.decision_input
package poterne.certificate

import data.poterne.agreements
import data.poterne.calendar

# METADATA
# description: pass only when every part is proven; never not_evaluated, since it anchors the others.
# custom:
#   clause: 4-C1
default verdict := "fail"

verdict := "pass" if {
	regex.match(`^[0-9a-f]{64}$`, input.certificate.sha256)
	regex.match(`^[0-9a-f]{64}$`, input.certificate.spki_sha256)
	is_string(input.certificate.subject)
	input.certificate.subject != ""
	is_string(input.certificate.issuer)
	input.certificate.issuer != ""
	is_string(input.certificate.serial)
	input.certificate.serial != ""
	siret_agrees == true
	proven == true
	current == true
	input.certificate.revocation == "good"
	usable == true
	agreements.known == true
	registered == true
}

# A certificate may name a SIREN alone; when it names a SIRET too, that is one of the same body.
siret_agrees if input.certificate.siret == null

siret_agrees if {
	is_string(input.certificate.siren)
	is_string(input.certificate.siret)
	startswith(input.certificate.siret, input.certificate.siren)
}

proven if {
	input.certificate.presented == true
	input.certificate.verified == true
	input.certificate.failure == null
}

current if {
	now := calendar.now_ns
	time.parse_rfc3339_ns(input.certificate.not_before) <= now
	now <= time.parse_rfc3339_ns(input.certificate.not_after)
}

# RFC 5280 4.2.1.3 and 4.2.1.12
usable if {
	is_array(input.certificate.key_usage)
	"digitalSignature" in input.certificate.key_usage
	is_array(input.certificate.extended_key_usage)
	"clientAuth" in input.certificate.extended_key_usage
}

registered if {
	some registration in agreements.found.certificates[agreements.key]
	calendar.within(registration.from, registration.to)
	is_array(registration.eku)
	usages_shown(registration.eku)
}

usages_shown(["clientAuth"]) if "clientAuth" in input.certificate.extended_key_usage

usages_shown(registered_for) if {
	every usage in registered_for {
		usage in input.certificate.extended_key_usage
	}
}

# METADATA
# description: Why the control fails; these explain, they do not decide.
# custom:
#   clause: 4-C1
reasons contains "INF-CERT-01" if absent

absent if input.certificate.presented == false

absent if input.certificate.failure == "absent"

reasons contains "INF-CERT-02" if input.certificate.failure in {"expired", "not_yet_valid"}

reasons contains "INF-CERT-02" if {
	proven == true
	not current
}

reasons contains "INF-CERT-03" if input.certificate.failure in {"revoked", "revocation_unknown"}

reasons contains "INF-CERT-03" if {
	proven == true
	not revocation_good
}

revocation_good if input.certificate.revocation == "good"

reasons contains "INF-CERT-04" if input.certificate.failure == "chain"

reasons contains "INF-CERT-05" if input.certificate.failure == "usage"

reasons contains "INF-CERT-05" if {
	proven == true
	not usable
}

reasons contains "INF-CERT-06" if {
	agreements.names_can_be_believed == true
	not registered
}

# METADATA
# description: The reason where no rule tells why, for instance when a fact is missing.
fallback := "INF-CERT-04"
