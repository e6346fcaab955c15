package poterne.rights_test

import data.poterne.example_test as example
import data.poterne.rights

# [verdict, reasons] of the example with one change.
told(change) := [verdict, reasons] if {
	verdict := rights.verdict with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
	reasons := rights.reasons with input as object.union(example.call, change)
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
}

test_the_example_passes if told({})[0] == "pass"

test_flux if told({"call": {"flux": "x"}, "rights": {"perimeters": [object.union(example.perimeter, {"flux": "x"})]}}) == ["fail", {"INF-DRT-01"}]

test_flux_of_the_body_alone if told({"rights": {"perimeters": [object.union(example.perimeter, {"flux": "referentiel"})]}}) == ["fail", {"INF-DRT-01"}]

test_operation if told({"call": {"operation": "supprimer"}, "rights": {"perimeters": [object.union(example.perimeter, {"operation": "supprimer"})]}}) == ["fail", {"INF-DRT-02"}]

test_siret if told({"rights": {"perimeters": [object.union(example.perimeter, {"siret": "73282932000074"})]}}) == ["fail", {"INF-DRT-03"}]

test_budget if told({"rights": {"perimeters": [object.union(example.perimeter, {"budget": "BP/02"})]}}) == ["fail", {"INF-DRT-04"}]

test_exercice if told({"rights": {"perimeters": [object.union(example.perimeter, {"exercice": 2027, "periode": "2027-01"})]}}) == ["fail", {"INF-DRT-05"}]

test_periode if told({"rights": {"perimeters": [object.union(example.perimeter, {"periode": "2026-03"})]}}) == ["fail", {"INF-DRT-06"}]

test_window if told({"now": "2027-01-01T10:00:00Z"}) == ["fail", {"INF-DRT-06"}]

test_scope if told({"identity": {"scopes": ["z"]}}) == ["fail", {"900910"}]

test_body if told({"rights": {"established": false, "failure": "siret_invalid"}}) == ["fail", {"4001"}]

test_nothing_asked_for if told({"rights": {"required": false, "perimeters": []}}) == ["fail", set()]

test_health if told({"call": {"method": "GET", "operation": "consulter_etat", "flux": null, "scope": null}, "rights": {"required": false, "entries": 0, "perimeters": []}}) == ["pass", set()]

test_nomenclature if told({"call": {"flux": "referentiel", "operation": "modifier"}, "rights": {"perimeters": [object.union(example.perimeter, {"flux": "referentiel", "operation": "modifier", "budget": null, "periode": null})]}}) == ["pass", set()]

test_another_api if told({"call": {"api": "other"}}) == ["fail", {"INF-DRT-01"}]

test_health_of_another_api if told({"call": {"api": "other", "method": "GET", "operation": "consulter_etat", "flux": null, "scope": null}, "rights": {"required": false, "entries": 0, "perimeters": []}}) == ["fail", {"INF-DRT-01"}]

# An API without exercices, and one without périodes either.
lines_of(contract, change) := verdict if {
	verdict := rights.verdict with input as object.union(example.call, {"rights": {"perimeters": [object.union(example.perimeter, change)]}})
		with data.contracts as example.contracts(object.union(example.contract, {"rights": [object.union(example.contract.rights[0], contract)]}))
		with data.readings as example.readings(example.reading)
}

test_no_exercice if lines_of({"exercices": [null]}, {"exercice": null, "periode": "01"}) == "pass"

test_no_exercice_other_periode if lines_of({"exercices": [null]}, {"exercice": null, "periode": "03"}) == "fail"

test_no_exercice_but_one_asked if lines_of({"exercices": [null]}, {"exercice": 2026, "periode": "2026-01"}) == "fail"

test_no_exercice_asked_of_dated_right if lines_of({}, {"exercice": null, "periode": "01"}) == "fail"

test_neither if lines_of({"exercices": [null], "months": [null]}, {"exercice": null, "periode": null}) == "pass"

test_no_contract if told({"certificate": {"subject": "CN=stranger"}}) == ["not_evaluated", set()]

test_fallback if rights.fallback == "4000"

# A line whose days are null, or absent, is in no window.
test_a_line_without_days if {
	every absent in [{"from": null}, {"to": null}, {"text": {"from": null}}, {"text": {"to": null}}] {
		lines_of(absent, {}) == "fail"
	}
}

test_text_not_in_force if {
	lines_of({"text": {"from": "2026-06-16"}}, {}) == "fail"
	lines_of({"text": {"from": "2026-06-15"}}, {}) == "pass"
	lines_of({"text": {"to": "2026-06-15"}}, {}) == "pass"
	lines_of({"text": {"to": "2026-06-14"}}, {}) == "fail"
}
