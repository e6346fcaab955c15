package poterne.rights_test

import data.poterne.fixture

codes(perimeters) := [reason.code | some reason in decision.reasons] if {
	decision := data.poterne.decision with input as fixture.asked(perimeters)
		with data.contracts as fixture.contracts
		with data.readings as fixture.readings
		with data.revision as "r-test"
}

bent(changes) := object.union(fixture.perimeter, changes)

# One step outside in each dimension, in the order of the codes.
test_each_dimension if {
	codes([bent({"flux": "budgetaire"})]) == ["INF-DRT-01"]
	codes([bent({"operation": "supprimer"})]) == ["INF-DRT-02"]
	codes([bent({"siret": "73282932000074"})]) == ["INF-DRT-03"]
	codes([bent({"budget": "SACD/07"})]) == ["INF-DRT-04"]
	codes([bent({"budget": null})]) == ["INF-DRT-04"]
	codes([bent({"exercice": 2027, "periode": "2027-03"})]) == ["INF-DRT-05"]
	codes([bent({"periode": "2026-05"})]) == ["INF-DRT-06"]
	codes([bent({"periode": null})]) == ["INF-DRT-06"]
}

# A right for "2026-03" is none for "2025-03" of the same exercice.
test_the_periode_belongs_to_its_exercice if codes([bent({"periode": "2025-03"})]) == ["INF-DRT-06"]

test_one_bad_perimeter_among_good_ones if {
	codes([fixture.perimeter, bent({"periode": "2026-04"})]) == []
	codes([fixture.perimeter, bent({"periode": "2026-04"}), bent({"budget": "BP/02"})]) == ["INF-DRT-04"]
}

decision_on(call, changes) := result if {
	result := data.poterne.decision with input as call
		with data.contracts as fixture.with_contract(changes)
		with data.readings as fixture.readings
		with data.revision as "r-test"
}

right(changes) := {"rights": [object.union(fixture.right, changes)]}

# The deposit window and the text, on both sides of each end, in Paris.
test_dates if {
	call := object.union(fixture.call, {"now": "2026-03-10T22:59:59Z", "identity": object.union(
		fixture.call.identity,
		{"expires_at": "2026-03-11T00:00:00Z"},
	)})
	next_day := object.union(call, {"now": "2026-03-10T23:00:00Z"})
	last_day := right({"to": "2026-03-10"})
	decision_on(call, last_day).allow == true
	decision_on(next_day, last_day).allow == false
	decision_on(next_day, last_day).reasons[0].code == "INF-DRT-06"
	decision_on(call, right({"from": "2026-03-11"})).allow == false
	decision_on(next_day, right({"from": "2026-03-11"})).allow == true
	ends := right({"text": {"id": "T1", "from": "2013-01-01", "to": "2026-03-10"}})
	decision_on(call, ends).allow == true
	decision_on(next_day, ends).allow == false
}

test_referentiel_has_neither_budget_nor_periode if {
	perimeter := {
		"flux": "referentiel", "operation": "modifier", "siret": "13099990700012", "budget": null, "exercice": 2026,
		"periode": null,
	}
	call := object.union(fixture.call, {
		"call": object.union(fixture.call.call, {"flux": "referentiel", "operation": "modifier", "scope": "s_referentiel"}),
		"identity": object.union(fixture.call.identity, {"scopes": ["s_referentiel"]}),
		"rights": object.union(fixture.call.rights, {"perimeters": [perimeter]}),
	})
	decision_on(call, {}).allow == true
	wrong := object.union(call, {"rights": object.union(call.rights, {"perimeters": [object.union(perimeter, {"exercice": 2025})]})})
	decision_on(wrong, {}).reasons[0].code == "INF-DRT-05"
}

health := object.union(fixture.call, {
	"call": object.union(fixture.call.call, {"flux": null, "operation": "consulter_etat", "scope": null}),
	"rights": {"required": false, "established": true, "failure": null, "entries": 0, "perimeters": []},
})

test_the_health_of_the_api_needs_no_right if {
	decision_on(health, {}).allow == true
	without_scope := object.union(health, {"identity": object.union(health.identity, {"scopes": []})})
	decision_on(without_scope, {}).allow == true
	asks := object.union(health, {"rights": object.union(health.rights, {"perimeters": [fixture.perimeter]})})
	decision_on(asks, {}).allow == false
}
