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
	object.subset(input.certificate, {"presented": true, "verified": true, "failure": null})
	regex.match(`^[0-9a-f]{64}$`, input.certificate.sha256)
	regex.match(`^[0-9a-f]{64}$`, input.certificate.spki_sha256)
	regex.match(`.`, input.certificate.subject)
	regex.match(`.`, input.certificate.issuer)
	regex.match(`.`, input.certificate.serial)
	siret_agrees(input.certificate.siret)
	current == true
	input.certificate.revocation == "good"
	usable == true
	registered == true
}

# A certificate may name a SIREN alone; when it names a SIRET too, that is one of the same body.
siret_agrees(null)

siret_agrees(siret) if startswith(siret, input.certificate.siren)

# What a verifier proved of it, whether or not it is revoked.
proven if object.subset(input.certificate, {"presented": true, "verified": true, "failure": null})

current if {
	now := calendar.now_ns
	time.parse_rfc3339_ns(input.certificate.not_before) <= now
	now <= time.parse_rfc3339_ns(input.certificate.not_after)
}

# RFC 5280 4.2.1.3 and 4.2.1.12
usable if {
	object.subset(input.certificate.key_usage, ["digitalSignature"])
	object.subset(input.certificate.extended_key_usage, ["clientAuth"])
}

registered if {
	today := calendar.today
	some registration in agreements.found.certificates[agreements.registered.key]
	is_string(registration.from) # null would come before every day
	registration.from <= today
	today <= registration.to
	usages_shown(registration.eku)
}

usages_shown(["clientAuth"]) if "clientAuth" in input.certificate.extended_key_usage

usages_shown(registered_for) if {
	is_array(registered_for)
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
