package poterne.token_test

import data.poterne.fixture

decide(question) := result if {
	result := data.poterne.token.decision with input as question
		with data.contracts as fixture.contracts
		with data.readings as fixture.readings
		with data.revision as "r-test"
}

codes(question) := [reason.code | some reason in decide(question).reasons]

client(changes) := object.union(fixture.token_call, {"client": object.union(fixture.token_call.client, changes)})

test_all_scopes_by_default if {
	decide(fixture.token_call) == {
		"allow": true,
		"controls": {"certificate": "pass", "address": "pass", "client": "pass", "contract": "pass"},
		"reasons": [], "contract": "C-A", "scopes": ["s_comptable", "s_referentiel"], "revision": "r-test",
	}
}

test_the_scopes_asked_for if decide(client({"requested_scopes": ["s_comptable"]})).scopes == ["s_comptable"]

test_refused if {
	codes(client({"authenticated": false, "failure": "authentication", "client_id": null})) == ["INF-CLI-01"]
	codes(client({"client_id": "client-b"})) == ["INF-CLI-01"]
	codes(client({"requested_scopes": ["s_comptable", "s_other"]})) == ["INF-CLI-02"]
	codes(object.union(fixture.token_call, {"address": {"source": "10.0.0.1", "peer": "10.0.0.1", "failure": null}})) == ["900805"]
	decide(client({"authenticated": false})).scopes == []
	decide(client({"requested_scopes": "s_comptable"})).allow == false
}

test_nothing_known_is_refused if {
	decide({}).allow == false
	count(decide({}).reasons) > 0
}

test_an_unusable_contract_gets_no_token if {
	decision := data.poterne.token.decision with input as fixture.token_call
		with data.contracts as fixture.with_contract({"etat": "brouillon"})
		with data.readings as fixture.readings
		with data.revision as "r-test"
	[decision.allow, decision.reasons[0].code] == [false, "INF-SUSP-04"]
}

test_without_a_revision_the_default_decides if {
	decision := data.poterne.token.decision with input as fixture.token_call
	[decision.allow, decision.scopes] == [false, []]
}
