package poterne.contract.state_test

import data.poterne.contract.state
import data.poterne.example_test as example

told(change, reading) := word if {
	word := state.word with input as example.call
		with data.contracts as example.contracts(object.union(example.contract, change))
		with data.readings as example.readings(object.union(example.reading, reading))
}

test_words if {
	[told(change, {}) | some change in [
		{},
		{"etat": "terminee"},
		{"etat": "brouillon"},
		{"etat": "coupee_preventive"},
		{"etat": "suspendue_homologation"},
		{"etat": "en_preavis"},
		{"missing": ["1-a"]},
		{"termination": {"notified": "2026-06-01", "effective": null, "at_once": false}},
		{"termination": {"notified": "2026-01-01", "effective": null, "at_once": false}},
		{"security": {"risk": {"deadline": "2026-06-14", "resolved": null}}},
		{"security": {"attestations": [object.union(example.attestation, {"to": "2026-09-14", "renewal_due": "2026-06-14"})]}},
		{"suspensions": [{"motif": "autre", "from": "2026-06-15T09:00:00Z", "to": null, "verified": null}]},
	]] == [
		"active", "terminee", "non_active", "coupee_preventive", "suspendue_homologation", "en_preavis", "non_active",
		"en_preavis", "terminee", "coupee_preventive", "suspendue_homologation", "suspendue_operateur",
	]
}

test_questionnaire if {
	overdue := {"security": {"way": "questionnaire", "returned": "2023-06-14"}}
	told(overdue, {"questionnaire_expire": "suspendre"}) == "suspendue_questionnaire"
}

test_no_contract if {
	word := state.word with input as object.union(example.call, {"certificate": {"subject": "CN=stranger"}})
		with data.contracts as example.contracts(example.contract)
	word == null
}
