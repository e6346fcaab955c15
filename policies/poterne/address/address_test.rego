package poterne.address_test

import data.poterne.address
import data.poterne.example_test as example

# [verdict, reasons] of the example with one change.
told(change) := [verdict, reasons] if {
	verdict := address.verdict with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
	reasons := address.reasons with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
}

test_the_example_passes if told({})[0] == "pass"

test_ipv6 if told({"address": {"source": "2001:db8::7"}}) == ["pass", {"900805"}]

test_outside if told({"address": {"source": "192.0.2.16"}}) == ["fail", {"900805"}]

test_a_network if told({"address": {"source": "192.0.2.1/32"}}) == ["fail", {"900805"}]

test_not_established if told({"address": {"source": null, "failure": "absent"}}) == ["fail", {"900805"}]

test_told_by_a_balancer if told({"address": {"told_by": "proxy_v2"}}) == ["pass", {"900805"}]

test_told_by_the_caller if told({"address": {"told_by": "header"}}) == ["fail", {"900805"}]

test_no_contract if told({"certificate": {"subject": "CN=stranger"}}) == ["not_evaluated", {"900805"}]

test_fallback if address.fallback == "900805"
