package poterne.switches_test

import data.poterne
import data.poterne.example_test as example
import data.poterne.switches
import data.poterne.token

switch(change) := object.union(
	{
		"id": "SW-1", "kind": "cut", "environment": null, "target": "all", "value": null,
		"limit": null, "operations": null, "flux": null,
	},
	change,
)

decided(change, given) := decision if {
	decision := poterne.decision with input as object.union(object.union(example.call, change), {"switches": given})
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
}

codes(decision) := [reason.code | some reason in decision.reasons]

cut(target, value) := switch({"target": target, "value": value})

cuts := [
	cut("convention", "C-1"),
	cut("certificate", example.fingerprint),
	cut("ip", "192.0.2.0/24"),
	cut("client", "app"),
	cut("flux", "comptable"),
]

others := [
	cut("convention", "C-2"),
	cut("certificate", "00"),
	cut("ip", "198.51.100.0/24"),
	cut("ip", "2001:db8::/32"),
	cut("client", "other"),
	cut("flux", "budgetaire"),
	switch({"environment": "sandbox"}),
]

test_each_cut_refuses_and_of_another_does_not if {
	every one in cuts {
		decision := decided({}, array.concat(others, [one]))
		decision.allow == false
		codes(decision) == ["INF-SUSP-02"]
	}
	decided({}, others).allow == true
}

test_all if {
	codes(decided({}, [switch({})])) == ["700700"]
	codes(decided({}, [switch({"environment": "production"})])) == ["700700"]
}

restriction(change) := switch(object.union({"kind": "restrict", "target": "convention", "value": "C-1"}, change))

test_a_restriction_leaves_what_it_names if {
	decided({}, [restriction({"operations": ["creer"], "flux": ["comptable"]})]).allow == true
	codes(decided({}, [restriction({"operations": ["modifier"]})])) == ["INF-SUSP-05"]
	codes(decided({}, [restriction({"flux": ["budgetaire"]})])) == ["INF-SUSP-05"]
	codes(decided({}, [restriction({"flux": []})])) == ["INF-SUSP-05"]
	decided({}, [switch({"kind": "restrict", "target": "client", "value": "other", "flux": []})]).allow == true
}

test_a_restriction_leaves_the_call_that_needs_no_right if {
	decision := decided(
		{
			"call": {"route": "etat", "method": "GET", "flux": null, "operation": "consulter_etat", "scope": null},
			"rights": {"required": false, "entries": 0, "perimeters": []},
		},
		[restriction({"operations": []})],
	)
	decision.allow == true
}

test_a_restriction_lowers_the_limit_and_never_raises_it if {
	decided({}, [restriction({"limit": 20}), restriction({"limit": 30})]).quota.limit == 20
	decided({}, [restriction({"limit": 2000})]).quota.limit == 200
	decided({}, [switch({"kind": "restrict", "target": "convention", "value": "C-2", "limit": 5})]).quota.limit == 200
}

# Absent, no array, or not readable: refused, also when it is another's.
test_what_cannot_be_read_refuses if {
	every given in [null, {}, "x", [null], [{}], [switch({"target": "new", "value": "C-2"})], {"a": switch({})}] {
		decided({}, given).allow == false
	}
	every broken in [
		{"id": null}, {"kind": "other"}, {"environment": "x"}, {"value": null}, {"limit": "x"},
		{"operations": "creer"}, {"flux": {}}, {"flux": [1]},
	] {
		decided({}, [object.union(cut("convention", "C-2"), broken)]).allow == false
	}
	decided({}, [cut("ip", "nonsense")]).allow == false
	without := poterne.decision with input as object.remove(example.call, ["switches"])
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
	without.allow == false
	codes(without) == ["INF-SUSP-02"]
}

token_decided(given) := decision if {
	decision := token.decision with input as object.union(example.token, {"switches": given})
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
}

test_no_token_for_who_is_cut if {
	every one in [cut("convention", "C-1"), cut("client", "app"), cut("ip", "192.0.2.1/32"), switch({})] {
		token_decided([one]).allow == false
	}
	every one in [cut("convention", "C-2"), cut("client", "other"), cut("flux", "comptable"), restriction({"flux": []})] {
		token_decided([one]).allow == true
	}
	token_decided(null).allow == false
}

test_verdict_is_failing_by_default if {
	switches.verdict == "fail" with input as {}
}
