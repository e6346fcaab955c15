# The five controls as far as Envoy can show them to OPA, for the benchmark's comparison only. Envoy itself has verified the
# certificate's path and revocation (C1) and the token's signature, issuer, audience and dates (C4, jwt_authn).
package envoy

default decision := {"allow": false, "contract": ""}

decision := {"allow": true, "contract": contract.id} if {
	c1_registered
	c2_address
	c3_identifier
	c4_bound
	c5_covered
}

fingerprint := hash if {
	some part in split(input.headers["x-forwarded-client-cert"], ";")
	startswith(part, "Hash=")
	hash := substring(part, 5, -1)
}

contract := data.contracts[data.certificates[fingerprint]]

claims := json.unmarshal(base64url.decode(input.headers["x-jwt-payload"]))

c1_registered if {
	contract.from <= input.now
	input.now < contract.to
}

c2_address if {
	some network in contract.networks
	net.cidr_contains(network, input.address)
}

c3_identifier if input.headers.id_teleservice in contract.identifiers

c4_bound if {
	claims.client_id in contract.clients
	claims.cnf["x5t#S256"] == contract.thumbprint
	contract.scope in split(claims.scope, " ")
}

c5_covered if {
	some line in contract.rights
	line.flux == "comptable"
	"creer" in line.operations
	line.siret == input.body.organisme.siret
	sprintf("%s/%s", [input.body.budget.type, input.body.budget.code]) in line.budgets
	input.body.exercice in line.exercices
	split(input.body.periode, "-")[1] in line.months
	every entry in input.body.ecritures {
		is_string(entry.identifiant)
	}
}
