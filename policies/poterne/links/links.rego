# METADATA
# title: The links between the identities and the contract
# description: >-
#   Which links are not proven, for the journal of a refused call. It explains, it does not decide: each control has its own
#   verdict, and the caller is told that alone.
# custom:
#   clause: 4-C4
# schemas:
#   - input: schema.decision_input
package poterne.links

import data.poterne.address
import data.poterne.agreements
import data.poterne.identifier
import data.poterne.identity

names := [
	"certificate_contract",
	"address_contract",
	"identifier_contract",
	"token_certificate",
	"client_contract",
	"siren_contract",
]

holds contains "certificate_contract" if agreements.known

holds contains "address_contract" if address.verdict == "pass"

holds contains "identifier_contract" if identifier.of_contract

holds contains "token_certificate" if identity.bound

holds contains "client_contract" if identity.of_contract

holds contains "siren_contract" if identity.same_siren

# METADATA
# description: The links that are not proven, in the order of their names above.
# custom:
#   clause: 4-C4
broken := [name | some name in names; not name in holds]
