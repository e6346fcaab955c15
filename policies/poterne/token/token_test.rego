package poterne.token_test

import data.poterne.example_test as example
import data.poterne.token

decided(change) := decision if {
	decision := token.decision with input as object.union(example.token, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
}

codes(decision) := [reason.code | some reason in decision.reasons]

test_issued if {
	decided({}) == {
		"allow": true,
		"controls": {"certificate": "pass", "address": "pass", "client": "pass", "contract": "pass"},
		"reasons": [],
		"contract": "C-1",
		"scopes": ["w"],
		"exceptions": [],
		"revision": "r-1",
	}
}

test_all_scopes if decided({"client": {"requested_scopes": []}}).scopes == ["w", "z"]

test_scope_refused if {
	decision := decided({"client": {"requested_scopes": ["w", "x"]}})
	[decision.allow, decision.scopes, codes(decision)] == [false, [], ["INF-CLI-02"]]
}

test_not_authenticated if codes(decided({"client": {"authenticated": false}})) == ["INF-CLI-01"]

test_another_method_than_agreed if {
	every method in ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "client_secret_post", null] {
		codes(decided({"client": {"method": method}})) == ["INF-CLI-01"]
	}
}

test_client_of_another if codes(decided({"client": {"client_id": "other"}})) == ["INF-CLI-01"]

test_no_contract if {
	decided({"certificate": {"subject": "CN=stranger"}}).controls == {
		"certificate": "fail", "address": "not_evaluated", "client": "not_evaluated", "contract": "not_evaluated",
	}
}

test_no_revision if {
	decision := token.decision with input as example.token
	[decision.allow, decision.revision] == [false, "none"]
}
