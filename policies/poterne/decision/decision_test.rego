package poterne_test

import data.poterne
import data.poterne.example_test as example

decided(change) := decision if {
	decision := poterne.decision with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
}

test_allowed if {
	decided({}) == {
		"allow": true,
		"controls": {
			"certificate": "pass", "address": "pass", "identifier": "pass",
			"identity": "pass", "contract": "pass", "rights": "pass",
		},
		"reasons": [],
		"contract": "C-1",
		"state": "active",
		"retry_at": null,
		"quota": {"key": "production:C-1", "limit": 200, "window_s": 60, "extra": []},
		"assertion": {
			"organisation": "Organisme", "application": "app", "keytype": "PRODUCTION",
			"convention": "C-1", "siren": "130999907", "enveloppeInterventionDistincte": true,
		},
		"obligations": [],
		"exceptions": [],
		"broken_links": [],
		"revision": "r-1",
	}
}

test_refused_and_charged if {
	decision := decided({"identifier": {"value": "TS-2"}})
	decision.allow == false
	decision.reasons == [{"code": "INF-IDT-03", "control": "identifier", "clause": "4-C3"}]
	decision.quota.limit == 200
	decision.assertion == null
}

test_refused_and_not_charged if {
	decision := decided({"identity": {"client_id": "other"}})
	decision.quota == null
}

test_nothing_asked if {
	decision := poterne.decision with input as {} with data.revision as "r-1"
	decision.allow == false
	count(decision.reasons) == 5
}

# Without a revision there is no decision, only the refusal that no gateway takes for one.
test_no_revision if {
	decision := poterne.decision with input as example.call
	decision.allow == false
	decision.revision == "none"
}

# What the backend is told is whole or nothing: without it the gateway believes no decision.
test_no_assertion_without_a_name if {
	decision := poterne.decision with input as example.call
		with data.contracts as example.contracts(object.remove(example.contract, ["organisation"]))
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
	[decision.allow, decision.assertion] == [true, null]
}

limits := [
	{"name": "a", "limit": 1, "window_s": 60, "unit": "calls", "flux": null, "operation": null},
	{"name": "b", "limit": 2, "window_s": 60, "unit": "bytes", "flux": "comptable", "operation": null},
	{"name": "c", "limit": 3, "window_s": 60, "unit": "calls", "flux": "comptable", "operation": "creer"},
	{"name": "d", "limit": 4, "window_s": 60, "unit": "calls", "flux": null, "operation": "modifier"},
	{"name": "e", "limit": 5, "window_s": 60, "unit": "calls", "flux": "budgetaire", "operation": "creer"},
]

limited(change, extra) := decision if {
	decision := poterne.decision with input as object.union(example.call, change)
		with data.contracts as example.contracts(object.union(example.contract, {"quota": {"extra": extra}}))
		with data.readings as example.readings(example.reading)
		with data.exceptions as example.no_exceptions
		with data.revision as "r-1"
}

names(decision) := [window.name | some window in decision.quota.extra]

test_only_the_limits_of_this_flux_and_operation_are_charged if {
	names(limited({}, limits)) == ["a", "b", "c"]
	names(limited({"call": {"operation": "modifier"}}, limits)) == ["a", "b", "d"]
	names(limited({"call": {"flux": null, "operation": "consulter_etat"}}, limits)) == ["a"]
	limited({}, limits).quota.extra[1] == {"name": "b", "limit": 2, "window_s": 60, "unit": "bytes"}
}

# What cannot be told apart is charged; what is no limit makes no decision that a gateway believes.
test_a_doubtful_limit_is_charged if {
	decision := limited({}, [{"name": "x", "limit": 1, "window_s": 60, "unit": "calls"}])
	names(decision) == ["x"]
	limited({}, [{"limit": 1}]).quota.extra == [{"name": null, "limit": 1, "window_s": null, "unit": null}]
	limited({}, null).quota == null
}
