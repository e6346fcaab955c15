package poterne.links_test

import data.poterne.example_test as example
import data.poterne.links

broken(change) := names if {
	names := links.broken with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
}

test_all_hold if broken({}) == []

test_each_is_told if {
	broken({"address": {"source": "198.51.100.1"}}) == ["address_contract"]
	broken({"identifier": {"value": "TS-2"}}) == ["identifier_contract"]
	broken({"identity": {"certificate_sha256": "x"}}) == ["token_certificate"]
	broken({"identity": {"client_id": "other"}}) == ["client_contract"]
	broken({"certificate": {"siren": "732829320"}}) == ["siren_contract"]
}

test_without_a_contract_nothing_leads_to_it if {
	broken({"certificate": {"subject": "CN=stranger"}}) == [name | some name in links.names; name != "token_certificate"]
}
