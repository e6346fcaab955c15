package poterne_test

import data.poterne
import data.poterne.fixture

codes(decision) := [reason.code | some reason in decision.reasons]

decide(call) := result if {
	result := data.poterne.decision with input as call
		with data.contracts as fixture.contracts
		with data.readings as fixture.readings
		with data.revision as "r-test"
}

test_allowed if {
	decision := decide(fixture.call)
	decision == {
		"allow": true,
		"controls": {
			"certificate": "pass", "address": "pass", "identifier": "pass", "identity": "pass", "contract": "pass",
			"rights": "pass",
		},
		"reasons": [], "contract": "C-A", "quota": {"key": "production:C-A", "limit": 200, "window_s": 60},
		"assertion": {
			"organisation": "A", "application": "client-a", "keytype": "PRODUCTION", "convention": "C-A",
			"siren": "130999907",
		},
		"obligations": [], "revision": "r-test",
	}
}

test_nothing_known_is_refused if {
	decision := decide({})
	decision.allow == false
	count(decision.reasons) > 0
	decision.quota == null
	decision.assertion == null
}

test_without_data_is_refused if {
	decision := data.poterne.decision with input as fixture.call with data.revision as "r-test"
	decision.allow == false
	count(decision.reasons) > 0
}

test_without_a_revision_the_default_decides if {
	decision := data.poterne.decision with input as fixture.call
		with data.contracts as fixture.contracts
		with data.readings as fixture.readings
	decision == poterne.decision with input as {}
	decision.allow == false
	decision.reasons == [{"code": "INF-DEP-01", "control": "gateway", "clause": "4-c"}]
}

# One row for each way to fail a control: what is bent, and the one code it gives.
rows := {
	"no certificate": [fixture.bent("certificate", {"presented": false, "failure": "absent"}), "INF-CERT-01"],
	"expired": [fixture.bent("certificate", {"verified": false, "failure": "expired"}), "INF-CERT-02"],
	"not yet valid": [fixture.bent("certificate", {"verified": false, "failure": "not_yet_valid"}), "INF-CERT-02"],
	"expired by date": [fixture.bent("certificate", {"not_after": "2026-03-10T11:59:59Z"}), "INF-CERT-02"],
	"early by date": [fixture.bent("certificate", {"not_before": "2026-03-10T12:00:01Z"}), "INF-CERT-02"],
	"revoked": [fixture.bent("certificate", {"verified": false, "failure": "revoked"}), "INF-CERT-03"],
	"revocation unknown": [fixture.bent("certificate", {"revocation": "unknown"}), "INF-CERT-03"],
	"chain": [fixture.bent("certificate", {"verified": false, "failure": "chain"}), "INF-CERT-04"],
	"unverified without a failure": [fixture.bent("certificate", {"verified": false}), "INF-CERT-04"],
	"an unknown failure": [fixture.bent("certificate", {"failure": "odd"}), "INF-CERT-04"],
	"usage": [fixture.bent("certificate", {"extended_key_usage": ["serverAuth"]}), "INF-CERT-05"],
	"key usage": [fixture.bent("certificate", {"key_usage": []}), "INF-CERT-05"],
	"unregistered": [fixture.bent("certificate", {"subject": "CN=b"}), "INF-CERT-06"],
	"address": [fixture.bent("address", {"source": "192.0.2.32"}), "900805"],
	"address of the other family": [fixture.bent("address", {"source": "2001:db8:43::1"}), "900805"],
	"address malformed": [fixture.bent("address", {"source": null, "failure": "malformed"}), "900805"],
	"identifier absent": [fixture.bent("identifier", {"presented": false, "value": null, "failure": "absent"}), "INF-IDT-01"],
	"identifier twice": [fixture.bent("identifier", {"value": null, "failure": "duplicate"}), "INF-IDT-02"],
	"identifier of another": [fixture.bent("identifier", {"value": "TS-2"}), "INF-IDT-03"],
	"token absent": [fixture.bent("identity", {"presented": false, "verified": false, "failure": "absent"}), "900902"],
	"token invalid": [fixture.bent("identity", {"verified": false, "failure": "signature"}), "900901"],
	"token expired by date": [fixture.bent("identity", {"expires_at": "2026-03-10T12:00:00Z"}), "900901"],
	"token of the other environment": [fixture.bent("identity", {"environment": "sandbox"}), "900901"],
	"token of another certificate": [fixture.bent("identity", {"certificate_sha256": "cc"}), "INF-IDC-01"],
	"token of another contract": [fixture.bent("identity", {"client_id": "client-b"}), "INF-IDC-01"],
	"SIREN of another": [fixture.bent("certificate", {"siren": "732829320"}), "INF-IDC-02"],
	"SIREN absent": [fixture.bent("certificate", {"siren": null}), "INF-IDC-02"],
	"scope missing": [fixture.bent("identity", {"scopes": ["s_referentiel"]}), "900910"],
	"scope not the contract's": [fixture.bent("call", {"scope": "s_other"}), "900910"],
	"body unreadable": [fixture.bent("rights", {"established": false, "failure": "body_unreadable"}), "4000"],
	"SIRET malformed": [fixture.bent("rights", {"established": false, "failure": "siret_invalid"}), "4001"],
	"too many entries": [fixture.bent("rights", {"established": false, "failure": "too_many_entries"}), "4006"],
	"an unknown failure of the body": [fixture.bent("rights", {"established": false, "failure": "odd"}), "4000"],
	"no perimeter": [fixture.asked([]), "INF-DRT-01"],
	"rights not required for a write": [fixture.bent("rights", {"required": false}), "INF-DRT-01"],
}

test_each_row_is_refused_with_its_code if {
	every _, row in rows {
		decision := decide(row[0])
		decision.allow == false
		row[1] in codes(decision)
		decision.assertion == null
	}
}

# An unregistered certificate leaves the controls that need a contract open, and the call refused.
test_not_evaluated_without_a_contract if {
	decision := decide(fixture.bent("certificate", {"subject": "CN=b"}))
	decision.controls == {
		"certificate": "fail", "address": "not_evaluated", "identifier": "not_evaluated", "identity": "not_evaluated",
		"contract": "not_evaluated", "rights": "not_evaluated",
	}
	decision.contract == null
	decision.quota == null
}

test_all_reasons_are_told_in_the_order_of_the_controls if {
	call := object.union(fixture.bent("address", {"source": "10.0.0.1"}), {
		"identifier": {"presented": true, "value": "TS-2", "failure": null},
		"rights": {
			"required": true, "established": true, "failure": null, "entries": 1,
			"perimeters": [object.union(fixture.perimeter, {"exercice": 2027})],
		},
	})
	codes(decide(call)) == ["900805", "INF-IDT-03", "INF-DRT-05"]
}

test_a_known_consumer_is_charged_even_when_refused if {
	decide(fixture.bent("address", {"source": "10.0.0.1"})).quota.limit == 200
	decide(fixture.bent("identity", {"verified": false})).quota == null
}

test_fingerprint_goes_before_names if {
	contract := object.union(fixture.contract, {"certificates": {"sha256:aa": {"from": "2026-01-01", "to": "2026-12-31"}}})
	environment := {
		"by_id": {"C-A": contract}, "certificates": {"sha256:aa": "C-A", "dn:CN=ca|CN=a": "C-B"},
		"identifiers": {}, "clients": {},
	}
	decision := data.poterne.decision with input as fixture.call
		with data.contracts as {"production": environment}
		with data.readings as fixture.readings
		with data.revision as "r-test"
	decision.contract == "C-A"
	decision.allow == true
}

test_a_binding_has_its_own_dates if {
	ended := {"certificates": {"dn:CN=ca|CN=a": {"from": "2025-01-01", "to": "2026-03-09"}}}
	decision := data.poterne.decision with input as fixture.call
		with data.contracts as fixture.with_contract(ended)
		with data.readings as fixture.readings
		with data.revision as "r-test"
	codes(decision) == ["INF-CERT-06"]
}
