# METADATA
# title: Which contract a call belongs to
# description: The certificate leads to the contract; every other identity must lead to the same one.
# custom:
#   clause: 4-C1
# schemas:
#   - input: schema.decision_input
package poterne.agreements

environment := data.contracts[input.environment]

by_fingerprint := sprintf("sha256:%s", [input.certificate.sha256])

by_name := sprintf("dn:%s|%s", [input.certificate.issuer, input.certificate.subject])

# METADATA
# description: How the certificate is registered; its fingerprint goes before its names.
default key := null

key := by_fingerprint if {
	environment.certificates[by_fingerprint]
} else := by_name if {
	environment.certificates[by_name]
}

# METADATA
# description: The contract, or null when the certificate leads to none.
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
