package poterne.reasons_test

import data.poterne.reasons

test_in_the_order_of_controls_then_codes if {
	reasons.listed(
		["address", "identifier", "rights"],
		{"address": "fail", "identifier": "pass", "rights": "fail"},
		{"address": set(), "identifier": {"INF-IDT-03"}, "rights": {"INF-DRT-03", "4000"}},
		{"address": "900805", "identifier": "INF-IDT-02", "rights": "4000"},
	) == [
		{"code": "900805", "control": "address", "clause": "4-C2"},
		{"code": "4000", "control": "rights", "clause": "5.3-a"},
		{"code": "INF-DRT-03", "control": "rights", "clause": "4-C5"},
	]
}
