package poterne.certificate_test

import data.poterne.certificate
import data.poterne.example_test as example

# [verdict, reasons] of the example with one change.
told(change) := [verdict, reasons] if {
	verdict := certificate.verdict with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
	reasons := certificate.reasons with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
}

test_the_example_passes if told({})[0] == "pass"

test_absent if told({"certificate": {"presented": false, "verified": false, "failure": "absent"}}) == ["fail", {"INF-CERT-01"}]

test_expired if told({"certificate": {"verified": false, "failure": "expired"}}) == ["fail", {"INF-CERT-02"}]

test_ended_since if told({"certificate": {"not_after": "2026-06-15T09:59:59Z"}}) == ["fail", {"INF-CERT-02"}]

test_revoked if told({"certificate": {"verified": false, "failure": "revoked"}}) == ["fail", {"INF-CERT-03"}]

test_revoked_since if told({"certificate": {"revocation": "revoked"}}) == ["fail", {"INF-CERT-03"}]

test_chain if told({"certificate": {"verified": false, "failure": "chain"}}) == ["fail", {"INF-CERT-04"}]

test_usage if told({"certificate": {"verified": false, "failure": "usage"}}) == ["fail", {"INF-CERT-05"}]

test_no_signature if told({"certificate": {"key_usage": ["keyEncipherment"]}}) == ["fail", {"INF-CERT-05"}]

test_unregistered if told({"certificate": {"subject": "CN=stranger"}}) == ["fail", {"INF-CERT-06"}]

# [verdict, reasons] of a certificate that is registered for these usages.
registered_for(usages, shown) := [verdict, reasons] if {
	registrations := {"dn:CN=ca|CN=a": [{"from": "2026-01-01", "to": "2026-12-31", "eku": usages}]}
	verdict := certificate.verdict with input as object.union(example.call, {"certificate": {"extended_key_usage": shown}})
		with data.contracts as example.contracts(object.union(example.contract, {"certificates": registrations}))
	reasons := certificate.reasons with input as object.union(example.call, {"certificate": {"extended_key_usage": shown}})
		with data.contracts as example.contracts(object.union(example.contract, {"certificates": registrations}))
}

test_registered_for_usages if {
	registered_for(["clientAuth", "emailProtection"], ["emailProtection", "clientAuth"])[0] == "pass"
	registered_for([], ["clientAuth"])[0] == "pass"
	registered_for(["clientAuth", "emailProtection"], ["clientAuth"]) == ["fail", {"INF-CERT-06"}]
	registered_for(["clientAuth"], ["emailProtection"]) == ["fail", {"INF-CERT-05", "INF-CERT-06"}]
	registered_for(null, ["clientAuth"]) == ["fail", {"INF-CERT-06"}]
	registered_for({"a": "clientAuth"}, ["clientAuth"]) == ["fail", {"INF-CERT-06"}]
}

# On which days a registration of these dates passes.
registered_between(dates) := verdict if {
	registrations := {"dn:CN=ca|CN=a": [object.union({"eku": ["clientAuth"]}, dates)]}
	verdict := certificate.verdict with input as example.call
		with data.contracts as example.contracts(object.union(example.contract, {"certificates": registrations}))
}

test_dates_of_a_registration if {
	registered_between({"from": "2026-06-15", "to": "2026-06-15"}) == "pass"
	registered_between({"from": "2026-06-16", "to": "2026-12-31"}) == "fail"
	registered_between({"from": "2026-01-01", "to": "2026-06-14"}) == "fail"
	registered_between({"from": null, "to": "2026-12-31"}) == "fail"
	registered_between({"from": "2026-01-01", "to": null}) == "fail"
	registered_between({"to": "2026-12-31"}) == "fail"
	registered_between({"from": "2026-01-01"}) == "fail"
}

test_empty_names if {
	every name in ["subject", "issuer", "serial"] {
		told({"certificate": {name: ""}})[0] == "fail"
	}
}

test_siren_alone if told({"certificate": {"siret": null}}) == ["pass", set()]

test_siret_of_another if told({"certificate": {"siret": "73282932000074"}}) == ["fail", set()]

test_failure_alone_tells_absence if told({"certificate": {"failure": "absent"}}) == ["fail", {"INF-CERT-01"}]

test_fallback if certificate.fallback == "INF-CERT-04"
