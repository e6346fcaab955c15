# METADATA
# title: Which contract a call belongs to
# description: >-
#   The certificate leads to the contract; every other identity must lead to the same one. Only keyed look-ups: the cost
#   does not grow with the number of contracts.
# custom:
#   clause: "4-C1, 4-e"
# schemas:
#   - input: schema.decision_input
#   - data.contracts: schema.contracts_data
#   - data.readings: schema.readings_data
package poterne.agreements

# Of no other environment than these two are there contracts.
environment := data.contracts[input.environment] if input.schema == 1

# METADATA
# description: How the terms of use are read in this environment, and what its operator has stopped.
readings := data.readings[input.environment]

# METADATA
# description: After `chain` or `absent` the names in a certificate are only the caller's word, and lead nowhere.
# custom:
#   clause: 4-C1
names_can_be_believed if {
	input.certificate.presented == true
	input.certificate.failure in {null, "expired", "not_yet_valid", "revoked", "revocation_unknown", "usage"}
}

# METADATA
# description: >-
#   Where the certificate leads to; its fingerprint goes before its public key, and that before its names. What is no text
#   is the key of nothing.
# custom:
#   clause: 4-C1
registered := environment.by_fingerprint[input.certificate.sha256] if {
	names_can_be_believed == true
} else := environment.by_public_key[input.certificate.spki_sha256] if {
	names_can_be_believed == true
} else := environment.by_names[input.certificate.issuer][input.certificate.subject] if {
	names_can_be_believed == true
}

# METADATA
# description: The contract, or null when the certificate leads to none.
# custom:
#   clause: 4-C1
default found := null

found := environment.by_id[registered.contract]

# METADATA
# description: Is there a contract at all?
default known := false

known if is_object(found)

# METADATA
# description: The contract's id, or null.
default id := null

id := found.id
