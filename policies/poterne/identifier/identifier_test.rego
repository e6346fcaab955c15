package poterne.identifier_test

import data.poterne.example_test as example
import data.poterne.identifier

# [verdict, reasons] of the example with one change.
told(change) := [verdict, reasons] if {
	verdict := identifier.verdict with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
	reasons := identifier.reasons with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
}

test_the_example_passes if told({})[0] == "pass"

test_absent if told({"identifier": {"presented": false, "value": null, "failure": "absent"}}) == ["fail", {"INF-IDT-01"}]

test_twice if told({"identifier": {"value": null, "failure": "duplicate"}}) == ["fail", {"INF-IDT-02"}]

test_malformed if told({"identifier": {"value": "a b"}}) == ["fail", {"INF-IDT-02"}]

test_of_another if told({"identifier": {"value": "TS-2"}}) == ["fail", {"INF-IDT-03"}]

test_no_contract if told({"certificate": {"subject": "CN=stranger"}}) == ["not_evaluated", set()]

test_failure_alone_tells_absence if told({"identifier": {"failure": "absent"}}) == ["fail", {"INF-IDT-01"}]

test_fallback if identifier.fallback == "INF-IDT-02"
