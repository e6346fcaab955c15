# METADATA
# title: One allowed call and the data it is decided on, for the tests of all packages
# custom:
#   clause: 4-C1..4-C5
package poterne.example_test

contract := {
	"id": "C-1",
	"api": "infinoe",
	"etat": "active",
	"missing": [],
	"terms": "t1",
	"opens": "2026-06-14T22:00:00.000000Z",
	"ends": null,
	"organisation": "Organisme",
	"siren": "130999907",
	"enveloppe_intervention_distincte": true,
	"certificates": {"dn:CN=ca|CN=a": [{"from": "2026-01-01", "to": "2026-12-31", "eku": ["clientAuth"]}]},
	"addresses": ["192.0.2.0/28", "2001:db8::/64"],
	"identifiers": ["TS-1"],
	"clients": {"app": {"scopes": ["w", "z"], "auth": "client_secret_basic+mtls"}},
	"security": {"way": "homologation", "risk": null, "attestations": [attestation]},
	"suspensions": [],
	"termination": null,
	"quota": {"key": "production:C-1", "limit": 200, "window_s": 60, "extra": []},
	"rights": [
		{
			"flux": "comptable", "operations": ["creer", "modifier"], "siret": "13099990700012", "budgets": ["BP/01"],
			"exercices": [2026], "months": ["01", "02"], "from": "2026-01-01", "to": "2026-12-31",
			"text": {"id": "T1", "from": "2013-01-01", "to": "9999-12-31"},
		},
		{
			"flux": "referentiel", "operations": ["modifier"], "siret": "13099990700012", "budgets": [null],
			"exercices": [2026], "months": [null], "from": "2026-01-01", "to": "2026-12-31",
			"text": {"id": "T1", "from": "2013-01-01", "to": "2026-12-31"},
		},
	],
}

attestation := {"since": "2026-01-01", "received": "2025-12-02", "to": "2027-05-31", "renewal_due": "2027-02-28", "opens": true}

room(one) := {
	"by_id": {"C-1": one},
	"by_fingerprint": {trim_prefix(key, "sha256:"): {"contract": "C-1", "key": key} | some key, _ in one.certificates; startswith(key, "sha256:")},
	"by_public_key": {trim_prefix(key, "spki:"): {"contract": "C-1", "key": key} | some key, _ in one.certificates; startswith(key, "spki:")},
	"by_names": {"CN=ca": {trim_prefix(key, "dn:CN=ca|"): {"contract": "C-1", "key": key} | some key, _ in one.certificates; startswith(key, "dn:CN=ca|")}},
	"identifiers": {"TS-1": "C-1", "TS-2": "C-2"},
	"clients": {"app": "C-1", "other": "C-2"},
}

# METADATA
# description: data.contracts with this one contract in both environments.
contracts(one) := {"production": room(one), "sandbox": room(one)}

reading := {
	"suspension_homologation": "echeance",
	"questionnaire_expire": "alerter",
	"new_terms": "informer",
	"terms": ["t0", "t1", "t2"],
	"api_bloquee": false,
	"maintenances": [],
}

# METADATA
# description: data.readings, the same in both environments.
readings(one) := {"production": one, "sandbox": one}

# METADATA
# description: data.exceptions where nobody granted any.
no_exceptions := {"production": [], "sandbox": []}

head := {
	"schema": 1,
	"now": "2026-06-15T10:00:00Z",
	"environment": "production",
	"certificate": {
		"presented": true, "verified": true, "failure": null, "sha256": fingerprint, "spki_sha256": fingerprint,
		"subject": "CN=a", "issuer": "CN=ca", "serial": "1f",
		"not_before": "2026-01-01T00:00:00Z", "not_after": "2026-12-31T00:00:00Z",
		"key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
		"siren": "130999907", "siret": "13099990700012", "revocation": "good",
	},
	"address": {"source": "192.0.2.1", "peer": "192.0.2.1", "failure": null, "told_by": "peer"},
	"switches": [],
}

fingerprint := "abababababababababababababababababababababababababababababababab"

call := object.union(head, {
	"call": {
		"api": "infinoe", "method": "POST", "path": "/p", "route": "p",
		"flux": "comptable", "operation": "creer", "scope": "w",
	},
	"identifier": {"presented": true, "value": "TS-1", "failure": null},
	"identity": {
		"presented": true, "verified": true, "failure": null, "client_id": "app", "scopes": ["w"],
		"environment": "production", "issued_at": "2026-06-15T09:55:00Z", "expires_at": "2026-06-15T10:05:00Z",
		"certificate_sha256": fingerprint, "leeway_s": 0, "revocation": "good",
	},
	"rights": {"required": true, "established": true, "failure": null, "entries": 1, "perimeters": [perimeter]},
})

perimeter := {
	"flux": "comptable", "operation": "creer", "siret": "13099990700012", "budget": "BP/01",
	"exercice": 2026, "periode": "2026-01",
}

token := object.union(head, {"client": {
	"client_id": "app", "authenticated": true, "failure": null,
	"requested_scopes": ["w"], "method": "client_secret_basic",
}})
