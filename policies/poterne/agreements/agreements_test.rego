package poterne.agreements_test

import data.poterne.agreements
import data.poterne.example_test as example

found(change) := told if {
	told := [agreements.known, agreements.id, [key | key := agreements.registered.key]] with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
}

pinned(change) := keys if {
	keys := [key | key := agreements.registered.key] with input as object.union(example.call, change)
		with data.contracts as example.contracts(object.union(example.contract, {"certificates": {
			concat(":", ["sha256", example.fingerprint]): [],
			"dn:CN=ca|CN=a": [],
		}}))
}

test_by_names if found({}) == [true, "C-1", ["dn:CN=ca|CN=a"]]

test_fingerprint_goes_first if pinned({}) == [concat(":", ["sha256", example.fingerprint])]

keyed(change) := keys if {
	keys := [key | key := agreements.registered.key] with input as object.union(example.call, change)
		with data.contracts as example.contracts(object.union(example.contract, {"certificates": {
			concat(":", ["spki", example.call.certificate.spki_sha256]): [],
			"dn:CN=ca|CN=a": [],
		}}))
}

test_public_key_goes_before_names if keyed({}) == [concat(":", ["spki", example.call.certificate.spki_sha256])]

test_other_public_key if keyed({"certificate": {"spki_sha256": "00"}}) == ["dn:CN=ca|CN=a"]

test_public_key_of_a_stranger_leads_nowhere if keyed({"certificate": {"failure": "chain"}}) == []

test_other_fingerprint if pinned({"certificate": {"sha256": "00"}}) == ["dn:CN=ca|CN=a"]

# What is no text is the key of nothing.
test_neither_fingerprint_nor_key if {
	some absent in [null, 7, ["00"], {}]
	pinned({"certificate": {"sha256": absent, "spki_sha256": absent}}) == ["dn:CN=ca|CN=a"]
}

test_names_of_another_type if found({"certificate": {"issuer": ["CN=ca"]}}) == [false, null, []]

test_stranger if found({"certificate": {"subject": "CN=b"}}) == [false, null, []]

test_chain_not_proven if found({"certificate": {"failure": "chain"}}) == [false, null, []]

test_unknown_environment if found({"environment": "x"}) == [false, null, []]

test_unknown_schema if found({"schema": 2}) == [false, null, []]

test_nothing if {
	known := agreements.known with input as {}
	known == false
}
