package poterne.contract_test

import data.poterne.contract
import data.poterne.example_test as example

# [verdict, reasons] of the example, with the contract and the readings changed, in an environment.
told(change, reading) := [verdict, reasons] if {
	verdict := contract.verdict with input as example.call
		with data.contracts as example.contracts(object.union(example.contract, change))
		with data.readings as example.readings(object.union(example.reading, reading))
	reasons := contract.reasons with input as example.call
		with data.contracts as example.contracts(object.union(example.contract, change))
		with data.readings as example.readings(object.union(example.reading, reading))
}

test_active if told({}, {}) == ["pass", set()]

test_missing if told({"missing": ["1-a"]}, {}) == ["fail", {"INF-SUSP-04"}]

test_no_opening if told({"opens": null}, {}) == ["fail", {"INF-SUSP-04"}]

test_opens_later if told({"opens": "2026-06-15T10:00:01Z"}, {}) == ["fail", {"INF-SUSP-04"}]

test_draft if told({"etat": "brouillon"}, {}) == ["fail", {"INF-SUSP-04"}]

test_ended if told({"etat": "terminee"}, {}) == ["fail", {"INF-SUSP-03"}]

test_cut if told({"etat": "coupee_preventive"}, {}) == ["fail", {"INF-SUSP-02"}]

test_suspended_by_hand if told({"etat": "suspendue_homologation"}, {}) == ["fail", {"INF-SUSP-01"}]

test_exchange_ends_tomorrow if told({"ends": "2026-06-16"}, {}) == ["pass", set()]

test_exchange_ended_today if told({"ends": "2026-06-15"}, {}) == ["fail", {"INF-SUSP-03"}]

test_notice_runs if told({"termination": {"notified": "2026-04-16", "effective": null, "at_once": false}}, {}) == ["pass", set()]

test_notice_over if told({"termination": {"notified": "2026-04-15", "effective": null, "at_once": false}}, {}) == ["fail", {"INF-SUSP-03"}]

test_notice_longer if told({"termination": {"notified": "2026-04-15", "effective": "2026-06-16", "at_once": false}}, {}) == ["pass", set()]

test_notice_never_shorter if told({"termination": {"notified": "2026-04-16", "effective": "2026-06-01", "at_once": false}}, {}) == ["pass", set()]

test_security_ends_at_once if told({"termination": {"notified": "2026-06-15", "effective": null, "at_once": true}}, {}) == ["fail", {"INF-SUSP-03"}]

test_security_ends_tomorrow if told({"termination": {"notified": "2026-06-15", "effective": "2026-06-16", "at_once": true}}, {}) == ["pass", set()]

test_suspended if told({"suspensions": [{"motif": "autre", "from": "2026-06-15T09:00:00Z", "to": null}]}, {}) == ["fail", {"INF-SUSP-02"}]

test_suspension_over if told({"suspensions": [{"motif": "autre", "from": "2026-06-15T09:00:00Z", "to": "2026-06-15T10:00:00Z"}]}, {}) == ["pass", set()]

test_suspension_to_come if told({"suspensions": [{"motif": "autre", "from": "2026-06-15T11:00:00Z", "to": null}]}, {}) == ["pass", set()]

test_api_stopped if told({}, {"api_bloquee": true}) == ["fail", {"700700"}]

test_maintenance if told({}, {"maintenances": [{"from": "2026-06-15T09:00:00Z", "to": "2026-06-15T11:00:00Z"}]}) == ["fail", {"INF-MNT-01"}]

test_security_of_the_sandbox_in_production if told({"security": {"way": "sandbox"}}, {}) == ["fail", {"INF-SUSP-01"}]

test_no_security if told({"security": {"way": "none"}}, {}) == ["fail", {"INF-SUSP-01"}]

test_renewal_due_today if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-09-15", "renewal_due": "2026-06-15"})]}}, {}) == ["pass", set()]

test_renewal_overdue if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-09-14", "renewal_due": "2026-06-14"})]}}, {}) == ["fail", {"INF-SUSP-01"}]

test_renewal_overdue_read_otherwise if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-09-14", "renewal_due": "2026-06-14"})]}}, {"suspension_homologation": "fin_validite"}) == ["pass", set()]

test_validity_over_read_otherwise if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-06-14", "renewal_due": "2026-03-14"})]}}, {"suspension_homologation": "fin_validite"}) == ["fail", {"INF-SUSP-01"}]

test_counts_from_today if told({"security": {"attestations": [object.union(example.attestation, {"since": "2026-06-15"})]}}, {}) == ["pass", set()]

test_counts_from_tomorrow if told({"security": {"attestations": [object.union(example.attestation, {"since": "2026-06-16"})]}}, {}) == ["fail", {"INF-SUSP-01"}]

# Null comes before every text in Rego's order.
test_never_received if told({"security": {"attestations": [object.union(example.attestation, {"since": null, "received": null})]}}, {}) == ["fail", {"INF-SUSP-01"}]

test_renewed_in_time if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-07-31", "renewal_due": "2026-04-30"}), {"since": "2026-08-01", "received": "2026-04-30", "to": "2029-07-31", "opens": true}]}}, {}) == ["pass", set()]

test_renewed_late_for_later if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-07-31", "renewal_due": "2026-04-30"}), {"since": "2026-08-01", "received": "2026-05-01", "to": "2029-07-31", "opens": true}]}}, {}) == ["fail", {"INF-SUSP-01"}]

test_questionnaire_overdue if told({"security": {"way": "questionnaire", "returned": "2023-06-14"}}, {}) == ["pass", set()]

test_questionnaire_overdue_read_otherwise if told({"security": {"way": "questionnaire", "returned": "2023-06-14"}}, {"questionnaire_expire": "suspendre"}) == ["fail", {"INF-SUSP-01"}]

test_questionnaire_due_today_read_otherwise if told({"security": {"way": "questionnaire", "returned": "2023-06-15"}}, {"questionnaire_expire": "suspendre"}) == ["pass", set()]

test_risk_due_today if told({"security": {"risk": {"deadline": "2026-06-15", "resolved": null}}}, {}) == ["pass", set()]

test_risk_overdue if told({"security": {"risk": {"deadline": "2026-06-14", "resolved": null}}}, {}) == ["fail", {"INF-SUSP-02"}]

test_risk_resolved if told({"security": {"risk": {"deadline": "2026-06-14", "resolved": "2026-06-15"}}}, {}) == ["pass", set()]

test_sandbox if {
	verdict := contract.verdict with input as object.union(example.call, {"environment": "sandbox"})
		with data.contracts as example.contracts(object.union(example.contract, {"security": {"way": "sandbox"}}))
		with data.readings as example.readings(example.reading)
	verdict == "pass"
}

test_no_contract if {
	verdict := contract.verdict with input as object.union(example.call, {"certificate": {"subject": "CN=stranger"}})
		with data.contracts as example.contracts(example.contract)
		with data.readings as example.readings(example.reading)
	verdict == "not_evaluated"
}

test_fallback if contract.fallback == "INF-SUSP-04"

test_suspension_for_security_over_but_not_verified if told({"suspensions": [{"motif": "securite", "from": "2026-06-15T08:00:00Z", "to": "2026-06-15T09:00:00Z", "verified": null}]}, {}) == ["fail", {"INF-SUSP-02"}]

test_suspension_for_security_verified_later if told({"suspensions": [{"motif": "securite", "from": "2026-06-15T08:00:00Z", "to": "2026-06-15T09:00:00Z", "verified": "2026-06-15T10:00:01Z"}]}, {}) == ["fail", {"INF-SUSP-02"}]

test_suspension_for_security_verified if told({"suspensions": [{"motif": "securite", "from": "2026-06-15T08:00:00Z", "to": "2026-06-15T09:00:00Z", "verified": "2026-06-15T09:30:00Z"}]}, {}) == ["pass", set()]

test_suspension_of_no_known_kind if told({"suspensions": [{"motif": "x", "from": "2026-06-15T08:00:00Z", "to": "2026-06-15T09:00:00Z"}]}, {}) == ["fail", {"INF-SUSP-02"}]

test_opens_now if told({"opens": "2026-06-15T10:00:00Z"}, {}) == ["pass", set()]

test_unknown_terms if told({"terms": "t9"}, {}) == ["fail", {"INF-SUSP-04"}]

test_old_terms_read_otherwise if told({}, {"new_terms": "reaccepter"}) == ["fail", {"INF-SUSP-04"}]

test_newest_terms_read_otherwise if told({"terms": "t2"}, {"new_terms": "reaccepter"}) == ["pass", set()]

test_open_reservations if told({"security": {"attestations": [object.union(example.attestation, {"opens": false})]}}, {}) == ["fail", {"INF-SUSP-01"}]

test_renewed_with_open_reservations if told({"security": {"attestations": [object.union(example.attestation, {"to": "2026-07-31", "renewal_due": "2026-04-30"}), {"since": "2026-08-01", "received": "2026-04-30", "to": "2029-07-31", "opens": false}]}}, {}) == ["fail", {"INF-SUSP-01"}]

retry(slots) := moment if {
	moment := contract.retry_at with input as example.call
		with data.readings as example.readings(object.union(example.reading, {"maintenances": slots}))
}

test_retry if {
	[retry(slots) | some slots in [
		[], [{"from": "2026-06-15T09:00:00Z", "to": "2026-06-15T10:00:00Z"}],
		[{"from": "2026-06-15T09:00:00Z", "to": "2026-06-15T11:00:00Z"}],
		[{"from": "2026-06-15T10:00:00Z", "to": "2026-06-15T10:30:00Z"}, {"from": "2026-06-15T09:00:00Z", "to": "2026-06-15T10:45:00Z"}],
		[{"from": "2026-06-15T10:00:01Z", "to": "2026-06-15T10:30:00Z"}],
	]] == [null, null, "2026-06-15T11:00:00Z", "2026-06-15T10:45:00Z", null]
}

test_maintenance_before_and_after if told({}, {"maintenances": [{"from": "2026-06-15T08:00:00Z", "to": "2026-06-15T10:00:00Z"}, {"from": "2026-06-15T11:00:00Z", "to": "2026-06-15T12:00:00Z"}]}) == ["pass", set()]
