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

environment := data.contracts[input.environment] if {
	input.schema == 1
	input.environment in {"production", "sandbox"}
}

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
# description: How the certificate is registered; its fingerprint goes before its public key, and that before its names.
# custom:
#   clause: 4-C1
default key := null

key := by_fingerprint if {
	names_can_be_believed == true
	is_string(input.certificate.sha256)
	by_fingerprint := sprintf("sha256:%s", [input.certificate.sha256])
	environment.certificates[by_fingerprint]
} else := by_public_key if {
	names_can_be_believed == true
	is_string(input.certificate.spki_sha256)
	by_public_key := sprintf("spki:%s", [input.certificate.spki_sha256])
	environment.certificates[by_public_key]
} else := by_name if {
	names_can_be_believed == true
	is_string(input.certificate.issuer)
	is_string(input.certificate.subject)
	by_name := sprintf("dn:%s|%s", [input.certificate.issuer, input.certificate.subject])
	environment.certificates[by_name]
}

# METADATA
# description: The contract, or null when the certificate leads to none.
# custom:
#   clause: 4-C1
default found := null

found := environment.by_id[environment.certificates[key]]

# METADATA
# description: Is there a contract at all?
default known := false

known if is_object(found)

# METADATA
# description: The contract's id, or null.
default id := null

id := found.id if known
