# METADATA
# title: The reasons policy may give
# description: >-
#   Code to clause. Words and HTTP status are in gateway_addons/core/reasons.py, the one list; a test holds the two together.
# custom:
#   clause: 4-c
package poterne.reasons

# METADATA
# description: The clause of each reason.
# custom:
#   clause: 4-c
clauses := {
	"INF-CERT-01": "4-C1",
	"INF-CERT-02": "4-C1",
	"INF-CERT-03": "4-C1",
	"INF-CERT-04": "4-C1",
	"INF-CERT-05": "4-C1",
	"INF-CERT-06": "4-C1",
	"900805": "4-C2",
	"INF-IDT-01": "4-C3",
	"INF-IDT-02": "4-C3",
	"INF-IDT-03": "4-C3",
	"900901": "4-C4",
	"900902": "4-C4",
	"INF-IDC-01": "4-C4",
	"INF-IDC-02": "4-C4",
	"INF-DEP-05": "4-C4",
	"INF-CLI-01": "8-b",
	"INF-CLI-02": "8-b",
	"INF-SUSP-01": "3.4.1-e",
	"INF-SUSP-02": "3.4.2-d",
	"INF-SUSP-03": "14-d",
	"INF-SUSP-04": "1-a",
	"INF-SUSP-05": "8-g3",
	"700700": "12-a",
	"INF-MNT-01": "11-b",
	"INF-EXC-01": "4-c",
	"900910": "4-C5",
	"INF-DRT-01": "4-C5",
	"INF-DRT-02": "4-C5",
	"INF-DRT-03": "4-C5",
	"INF-DRT-04": "4-C5",
	"INF-DRT-05": "4-C5",
	"INF-DRT-06": "4-C5",
	"4000": "5.3-a",
	"4001": "5.3-a",
	"4002": "5.3-a",
	"4003": "5.3-a",
	"4004": "5.3-a",
	"4005": "5.3-a",
	"4006": "5.3-a",
}

# METADATA
# description: >-
#   The reasons of a decision in the order of its controls, then of codes. A control that fails has at least one (its
#   fallback where no rule tells why); one that does not fail has none.
# custom:
#   clause: 4-c
listed(order, controls, given, fallbacks) := [reason |
	some control in order
	controls[control] == "fail"
	some code in told(given[control], fallbacks[control])
	reason := {"code": code, "control": control, "clause": clauses[code]}
]

told(codes, fallback) := codes if {
	count(codes) > 0
} else := {fallback}
