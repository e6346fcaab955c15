# METADATA
# title: Exceptions to a control, granted by a second person
# description: >-
#   An exception lets a loosened rule be activated (docs/policy.md). It is told in every decision that it touches, and closes
#   what it opened on the day it ends: from then on its control fails wherever the exception is about.
# custom:
#   clause: 4-c
# schemas:
#   - input: schema.decision_input
#   - data.exceptions: schema.exceptions_data
package poterne.exceptions

import data.poterne.agreements
import data.poterne.calendar

granted := data.exceptions[input.environment]

# METADATA
# description: No exception is about this call; a bundle that has lost its list proves nothing.
# custom:
#   clause: 4-c
none if data.exceptions[input.environment] == []

none if {
	is_array(granted)
	count(touching) == 0
}

# METADATA
# description: The exceptions that are about this call's contract, or about every contract of the environment.
# custom:
#   clause: 4-c
touching contains exception if {
	some exception in granted
	concerns(exception)
}

concerns(exception) if exception.contracts == []

concerns(exception) if agreements.id in exception.contracts

# METADATA
# description: Their names, for the decision and its record.
# custom:
#   clause: 4-c
names := [] if {
	none == true
} else := sort({exception.id | some exception in touching})

# METADATA
# description: A control's verdict; pass only while every exception that touches it is in force.
# custom:
#   clause: 4-c
held(control, verdict) := "fail" if {
	verdict == "pass"
	not in_force(control)
} else := verdict

in_force(control) if {
	is_array(granted)
	every exception in touching {
		unconcerned_or_in_force(exception, control)
	}
}

unconcerned_or_in_force(exception, control) if exception.control != control

unconcerned_or_in_force(exception, _) if calendar.within(exception.from, exception.to)

# METADATA
# description: Why a control fails whose own rule passed.
# custom:
#   clause: 4-c
reasons(control, own, verdict) := own | {"INF-EXC-01"} if {
	verdict == "pass"
	not in_force(control)
} else := own
