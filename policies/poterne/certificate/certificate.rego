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
# description: pass only when every part is proven.
# custom:
#   clause: 4-C1
default verdict := "fail"

verdict := "pass" if {
	input.certificate.presented == true
	input.certificate.verified == true
	input.certificate.failure == null
	input.certificate.revocation == "good"
	current
	usable
	registered
}

current if {
	time.parse_rfc3339_ns(input.certificate.not_before) <= calendar.now_ns
	calendar.now_ns <= time.parse_rfc3339_ns(input.certificate.not_after)
}

usable if {
	"clientAuth" in input.certificate.extended_key_usage
	"digitalSignature" in input.certificate.key_usage
}

registered if {
	agreements.known
	binding := agreements.found.certificates[agreements.key]
	calendar.within(binding.from, binding.to)
}

# The first that applies is told: one cause, one code.
code := "INF-CERT-01" if {
	absent
} else := by_failure[input.certificate.failure] if {
	input.certificate.failure in object.keys(by_failure)
} else := "INF-CERT-04" if {
	not proven
} else := "INF-CERT-03" if {
	input.certificate.revocation != "good"
} else := "INF-CERT-02" if {
	not current
} else := "INF-CERT-05" if {
	not usable
} else := "INF-CERT-06"

absent if not presented

presented if input.certificate.presented == true

proven if {
	input.certificate.verified == true
	input.certificate.failure == null
}

by_failure := {
	"absent": "INF-CERT-01",
	"expired": "INF-CERT-02",
	"not_yet_valid": "INF-CERT-02",
	"revoked": "INF-CERT-03",
	"revocation_unknown": "INF-CERT-03",
	"chain": "INF-CERT-04",
	"usage": "INF-CERT-05",
}

reasons contains {"code": code, "control": "certificate", "clause": "4-C1"} if verdict != "pass"
