package poterne.exceptions_test

import data.poterne.example_test as example
import data.poterne.exceptions

exception := {"id": "EXC-1", "control": "identity", "from": "2026-06-01", "to": "2026-06-30", "contracts": []}

told(change, granted) := [held, names, given] if {
	held := exceptions.held("identity", "pass") with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.exceptions as granted
	names := exceptions.names with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.exceptions as granted
	given := exceptions.reasons("identity", set(), "pass") with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.exceptions as granted
}

test_none if told({}, {"production": []}) == ["pass", [], set()]

test_in_force if told({}, {"production": [exception]}) == ["pass", ["EXC-1"], set()]

test_over if told({"now": "2026-07-01T10:00:00Z"}, {"production": [exception]}) == ["fail", ["EXC-1"], {"INF-EXC-01"}]

test_not_begun if told({"now": "2026-05-31T10:00:00Z"}, {"production": [exception]}) == ["fail", ["EXC-1"], {"INF-EXC-01"}]

test_of_another_control if told({"now": "2026-07-01T10:00:00Z"}, {"production": [object.union(exception, {"control": "address"})]}) == ["pass", ["EXC-1"], set()]

test_of_this_contract if told({}, {"production": [object.union(exception, {"contracts": ["C-1"]})]}) == ["pass", ["EXC-1"], set()]

test_of_another_contract if told({"now": "2026-07-01T10:00:00Z"}, {"production": [object.union(exception, {"contracts": ["C-2"]})]}) == ["pass", [], set()]

# A bundle that has lost its list of exceptions proves nothing.
test_no_list if told({}, {})[0] == "fail"

test_a_refusal_stays_one if {
	held := exceptions.held("identity", "not_evaluated") with input as example.call with data.exceptions as {}
	held == "not_evaluated"
}
