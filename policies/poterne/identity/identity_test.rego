package poterne.identity_test

import data.poterne.example_test as example
import data.poterne.identity

# [verdict, reasons] of the example with one change.
told(change) := [verdict, reasons] if {
	verdict := identity.verdict with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
	reasons := identity.reasons with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
}

test_the_example_passes if told({})[0] == "pass"

test_absent if told({"identity": {"presented": false, "verified": false, "failure": "absent"}}) == ["fail", {"900902"}]

test_invalid if told({"identity": {"verified": false, "failure": "signature"}}) == ["fail", {"900901"}]

test_ended if told({"identity": {"expires_at": "2026-06-15T10:00:00Z"}}) == ["fail", {"900901"}]

test_unknown if {
	every failure in ["keys_unknown", "revocation_unknown"] {
		told({"identity": {"verified": false, "failure": failure}}) == ["fail", {"INF-DEP-05"}]
	}
}

test_revocation_must_be_known if {
	told({"identity": {"revocation": "last_known"}})[0] == "pass"
	every word in ["unknown", "revoked", ""] {
		told({"identity": {"revocation": word}}) == ["fail", {"900901"}]
	}
}

test_the_issuers_clock_may_be_ahead_within_a_minute if {
	ahead := {"issued_at": "2026-06-15T10:00:05Z", "leeway_s": 5}
	told({"identity": ahead})[0] == "pass"
	every leeway in [4, -5, 61, null] {
		told({"identity": object.union(ahead, {"leeway_s": leeway})}) == ["fail", {"900901"}]
	}
}

test_unbound if told({"identity": {"verified": false, "failure": "unbound"}}) == ["fail", {"INF-IDC-01"}]

test_of_another_certificate if told({"identity": {"certificate_sha256": "x"}}) == ["fail", {"INF-IDC-01"}]

test_of_another_client if told({"identity": {"client_id": "other"}}) == ["fail", {"INF-IDC-01"}]

test_siren_of_another if told({"certificate": {"siren": "732829320"}}) == ["fail", {"INF-IDC-02"}]

test_no_contract if told({"certificate": {"subject": "CN=stranger"}}) == ["not_evaluated", set()]

test_failure_alone_tells_absence if told({"identity": {"failure": "absent"}}) == ["fail", {"900902"}]

test_fallback if identity.fallback == "900901"
