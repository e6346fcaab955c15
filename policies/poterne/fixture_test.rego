# METADATA
# title: A call that is allowed, and the data it is allowed by
# description: Tests bend one fact of it at a time.
package poterne.fixture

call := {
	"schema": 1,
	"now": "2026-03-10T12:00:00Z",
	"environment": "production",
	"call": {
		"request_id": "r", "correlation_id": "c", "api": "infinoe", "method": "POST", "path": "/x",
		"route": "comptables_creer", "flux": "comptable", "operation": "creer", "scope": "s_comptable",
	},
	"certificate": {
		"presented": true, "verified": true, "failure": null, "sha256": "aa", "spki_sha256": "bb",
		"subject": "CN=a", "issuer": "CN=ca", "serial": "1", "not_before": "2026-01-01T00:00:00Z",
		"not_after": "2027-01-01T00:00:00Z", "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
		"siren": "130999907", "siret": null, "revocation": "good",
	},
	"address": {"source": "192.0.2.20", "peer": "192.0.2.20", "failure": null},
	"identifier": {"presented": true, "value": "TS-1", "failure": null},
	"identity": {
		"presented": true, "verified": true, "failure": null, "client_id": "client-a", "scopes": ["s_comptable"],
		"environment": "production", "issued_at": "2026-03-10T11:55:00Z", "expires_at": "2026-03-10T12:05:00Z",
		"certificate_sha256": "aa",
	},
	"rights": {"required": true, "established": true, "failure": null, "entries": 1, "perimeters": [perimeter]},
}

perimeter := {
	"flux": "comptable", "operation": "creer", "siret": "13099990700012", "budget": "BP/01", "exercice": 2026,
	"periode": "2026-03",
}

token_call := object.union(
	object.filter(call, ["schema", "now", "environment", "certificate", "address"]),
	{"client": {"client_id": "client-a", "authenticated": true, "failure": null, "requested_scopes": []}},
)

homologation := {
	"way": "homologation", "pronounced": "2025-12-15", "from": "2026-01-01", "to": "2026-12-31", "successor": null,
}

contract := {
	"id": "C-A", "etat": "active", "missing": [], "organisation": "A", "siren": "130999907",
	"certificates": {"dn:CN=ca|CN=a": {"from": "2026-01-01", "to": "2027-12-31"}},
	"addresses": ["192.0.2.16/28", "2001:db8:42::/64"], "identifiers": ["TS-1"],
	"clients": {"client-a": {"scopes": ["s_comptable", "s_referentiel"]}},
	"security": homologation, "suspensions": [], "termination": null, "quota": {"limit": 200, "window_s": 60},
	"rights": [right, referentiel],
}

right := {
	"flux": "comptable", "operations": ["creer"], "siret": "13099990700012", "budgets": ["BP/01"], "exercices": [2026],
	"months": ["03", "04"], "from": "2026-01-01", "to": "2026-12-31",
	"text": {"id": "T1", "from": "2013-01-01", "to": null},
}

referentiel := {
	"flux": "referentiel", "operations": ["modifier"], "siret": "13099990700012", "budgets": [], "exercices": [2026],
	"months": [], "from": "2026-01-01", "to": "2026-12-31", "text": {"id": "T1", "from": "2013-01-01", "to": null},
}

contracts_of(contract_a) := {
	"production": {
		"by_id": {"C-A": contract_a},
		"certificates": {key: "C-A" | some key in object.keys(contract_a.certificates)},
		"identifiers": {"TS-1": "C-A"}, "clients": {"client-a": "C-A"},
	},
	"sandbox": {
		"by_id": {"C-A": contract_a},
		"certificates": {key: "C-A" | some key in object.keys(contract_a.certificates)},
		"identifiers": {}, "clients": {},
	},
}

contracts := contracts_of(contract)

with_contract(changes) := contracts_of(object.union(contract, changes))

readings := {"production": reading, "sandbox": reading}

reading := {
	"suspension_homologation": "echeance", "questionnaire_expire": "alerter", "api_bloquee": false, "maintenances": [],
}

# METADATA
# description: The call with some facts of one part changed.
bent(part, changes) := object.union(call, {part: object.union(call[part], changes)})

asked(perimeters) := object.union(call, {"rights": object.union(call.rights, {"perimeters": perimeters})})
