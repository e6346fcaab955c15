package poterne.contract_test

import data.poterne.fixture

# A call at a moment, with a token that lives then.
at(now) := object.union(fixture.call, {
	"now": now,
	"identity": object.union(fixture.call.identity, {"expires_at": "2099-01-01T00:00:00Z"}),
	"certificate": object.union(fixture.call.certificate, {"not_after": "2099-01-01T00:00:00Z", "not_before": "2000-01-01T00:00:00Z"}),
})

everlasting := {
	"certificates": {"dn:CN=ca|CN=a": {"from": "2000-01-01", "to": "2099-12-31"}},
	"rights": [object.union(fixture.right, {"from": "2000-01-01", "to": "2099-12-31"})],
}

verdict(call, changes, reading) := [decision.allow, [reason.code | some reason in decision.reasons]] if {
	decision := data.poterne.decision with input as call
		with data.contracts as fixture.with_contract(object.union(everlasting, changes))
		with data.readings as {"production": reading, "sandbox": reading}
		with data.revision as "r-test"
}

passes := [true, []]

refused(code) := [false, [code]]

homologation(changes) := {"security": object.union(fixture.homologation, changes)}

# Clause 3.4.1-d: end of validity, the last day without a renewal, the first day of suspension (at 00:00 in Paris).
renewals := [
	["2026-12-31", "2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z"],
	["2027-05-31", "2027-02-28T22:59:59Z", "2027-02-28T23:00:00Z"],
	["2028-05-31", "2028-02-29T22:59:59Z", "2028-02-29T23:00:00Z"],
	["2026-03-15", "2025-12-15T22:59:59Z", "2025-12-15T23:00:00Z"],
]

test_suspension_when_the_renewal_is_not_received if {
	every row in renewals {
		changes := homologation({"to": row[0], "from": "2025-01-01", "pronounced": "2024-12-01"})
		verdict(at(row[1]), changes, fixture.reading) == passes
		verdict(at(row[2]), changes, fixture.reading) == refused("INF-SUSP-01")
	}
}

received(day, from) := homologation({"successor": {"from": from, "to": "2029-12-31", "received": day}})

test_a_successor_that_covers_today_lifts_the_suspension if {
	verdict(at("2026-10-15T12:00:00Z"), received("2026-10-15", "2026-10-01"), fixture.reading) == passes
	verdict(at("2026-10-14T12:00:00Z"), received("2026-10-15", "2026-10-01"), fixture.reading) == refused("INF-SUSP-01")
	verdict(at("2026-10-15T12:00:00Z"), received("2026-10-15", "2027-01-01"), fixture.reading) == refused("INF-SUSP-01")
}

test_amb_1_end_of_validity if {
	reading := object.union(fixture.reading, {"suspension_homologation": "fin_validite"})
	verdict(at("2026-12-31T22:59:59Z"), {}, reading) == passes
	verdict(at("2026-12-31T23:00:00Z"), {}, reading) == refused("INF-SUSP-01")
}

test_before_its_validity_or_its_pronouncement if {
	verdict(at("2026-03-10T12:00:00Z"), homologation({"from": "2026-03-11"}), fixture.reading) == refused("INF-SUSP-01")
	verdict(at("2026-03-10T12:00:00Z"), homologation({"pronounced": "2026-03-11"}), fixture.reading) == refused("INF-SUSP-01")
}

questionnaire(changes) := {"security": object.union({"way": "questionnaire", "returned": "2024-02-29", "risk": null}, changes)}

# Clause 3.4.2-e, AMB-2.
test_questionnaire if {
	suspend := object.union(fixture.reading, {"questionnaire_expire": "suspendre"})
	verdict(at("2027-02-28T12:00:00Z"), questionnaire({}), suspend) == passes
	verdict(at("2027-03-01T12:00:00Z"), questionnaire({}), suspend) == refused("INF-SUSP-01")
	verdict(at("2027-03-01T12:00:00Z"), questionnaire({}), fixture.reading) == passes
	verdict(at("2027-03-01T12:00:00Z"), {"security": {"way": "none"}}, fixture.reading) == refused("INF-SUSP-01")
}

risk(resolved) := questionnaire({"risk": {"deadline": "2026-04-01", "resolved": resolved}})

# Clause 3.4.2-d.
test_critical_risk if {
	verdict(at("2026-04-01T12:00:00Z"), risk(null), fixture.reading) == passes
	verdict(at("2026-04-02T12:00:00Z"), risk(null), fixture.reading) == refused("INF-SUSP-02")
	verdict(at("2026-04-02T12:00:00Z"), risk("2026-03-30"), fixture.reading) == passes
}

cut(to) := {"suspensions": [{"motif": "securite", "from": "2026-03-10T12:00:00+01:00", "to": to}]}

# Clause 12-a.
test_operators_suspension if {
	verdict(at("2026-03-10T10:59:59Z"), cut(null), fixture.reading) == passes
	verdict(at("2026-03-10T11:00:00Z"), cut(null), fixture.reading) == refused("INF-SUSP-02")
	verdict(at("2026-03-10T12:00:00Z"), cut("2026-03-10T12:00:00Z"), fixture.reading) == passes
	verdict(at("2026-03-10T11:59:59Z"), cut("2026-03-10T12:00:00Z"), fixture.reading) == refused("INF-SUSP-02")
}

ended(changes) := {
	"termination": object.union({"notified": "2026-06-30", "effective": null, "at_once": false}, changes),
	"security": {"way": "questionnaire", "returned": "2026-01-01", "risk": null},
}

# Clauses 14-d to 14-f: notified, last day of the notice, first day without exchange.
test_termination if {
	verdict(at("2026-08-29T12:00:00Z"), ended({}), fixture.reading) == passes
	verdict(at("2026-08-30T12:00:00Z"), ended({}), fixture.reading) == refused("INF-SUSP-03")
	verdict(at("2027-02-27T12:00:00Z"), ended({"notified": "2026-12-31"}), fixture.reading) == passes
	verdict(at("2027-02-28T12:00:00Z"), ended({"notified": "2026-12-31"}), fixture.reading) == refused("INF-SUSP-03")
	verdict(at("2026-07-01T12:00:00Z"), ended({"at_once": true}), fixture.reading) == refused("INF-SUSP-03")
	verdict(at("2026-09-14T12:00:00Z"), ended({"effective": "2026-09-15"}), fixture.reading) == passes
	verdict(at("2026-09-15T12:00:00Z"), ended({"effective": "2026-09-15"}), fixture.reading) == refused("INF-SUSP-03")
}

decided(etat) := verdict(at("2026-03-10T12:00:00Z"), {"etat": etat}, fixture.reading)

test_what_persons_decided if {
	decided("active") == passes
	decided("en_preavis") == passes
	decided("brouillon") == refused("INF-SUSP-04")
	decided("instruite") == refused("INF-SUSP-04")
	decided("terminee") == refused("INF-SUSP-03")
	decided("coupee_preventive") == refused("INF-SUSP-02")
	decided("suspendue_homologation") == refused("INF-SUSP-01")
	decided("anything else") == refused("INF-SUSP-04")
}

test_a_missing_condition_forbids_activity if {
	verdict(at("2026-03-10T12:00:00Z"), {"missing": ["1-a"]}, fixture.reading) == refused("INF-SUSP-04")
}

test_sandbox_asks_for_no_evidence_but_production_does if {
	bare := {"security": {"way": "sandbox"}}
	verdict(at("2026-03-10T12:00:00Z"), bare, fixture.reading) == refused("INF-SUSP-01")
	there := object.union(at("2026-03-10T12:00:00Z"), {"environment": "sandbox", "identity": object.union(
		at("2026-03-10T12:00:00Z").identity,
		{"environment": "sandbox"},
	)})
	verdict(there, bare, fixture.reading) == passes
}

test_blocked_or_in_maintenance if {
	verdict(at("2026-03-10T12:00:00Z"), {}, object.union(fixture.reading, {"api_bloquee": true})) == refused("700700")
	slot := object.union(fixture.reading, {"maintenances": [{"du": "2026-03-10T23:00:00+01:00", "au": "2026-03-11T01:00:00+01:00"}]})
	verdict(at("2026-03-10T21:59:59Z"), {}, slot) == passes
	verdict(at("2026-03-10T22:00:00Z"), {}, slot) == refused("INF-MNT-01")
	verdict(at("2026-03-11T00:00:00Z"), {}, slot) == passes
}
