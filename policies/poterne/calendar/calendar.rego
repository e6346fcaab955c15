# METADATA
# title: Dates of Europe/Paris
# description: >-
#   Days are texts "YYYY-MM-DD", which compare as dates do; the clock is input.now and nothing else. Every function here is
#   undefined for what is no day, so that nothing can be proven with it: Rego orders null before every text, and a bare
#   comparison with a missing date would hold. What every call asks (registration, right, attestation) is compared where it
#   stands: the compiled data have days in no other form (config/schemas/contracts_data.json), and is_string keeps null out.
# custom:
#   clause: "3.4.1-d, 3.4.2-e, 14-d"
# schemas:
#   - input: schema.decision_input
package poterne.calendar

# METADATA
# description: The instant of the question, in nanoseconds.
# custom:
#   clause: 3.4.1-a
now_ns := time.parse_rfc3339_ns(input.now)

# METADATA
# description: Today in Paris, from input.now and from nothing else.
# custom:
#   clause: 3.4.1-a
today := time.format([now_ns, "Europe/Paris", "2006-01-02"])

# METADATA
# description: An instant of RFC 3339, in nanoseconds.
instant(text) := time.parse_rfc3339_ns(text)

# METADATA
# description: The day is today or has passed.
reached(day) if {
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, day)
	day <= today
}

# METADATA
# description: The day is today or is to come.
not_passed(day) if {
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, day)
	today <= day
}

# METADATA
# description: The day is still to come.
ahead(day) if {
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, day)
	today < day
}

# METADATA
# description: Is today within [from, to], both days included?
within(from, to) if {
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, from)
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, to)
	from <= today
	today <= to
}

# METADATA
# description: The same day `months` later (earlier when negative), or the last day of a month that has no such day.
# custom:
#   clause: "3.4.1-d, 14-d"
plus_months(day, months) := sprintf("%04d-%02d-%02d", [year, month, min({number, days_in(year, month)})]) if {
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, day)
	[y, m, number] := [to_number(trim_left(part, "0")) | some part in split(day, "-")]
	index := ((y * 12) + (m - 1)) + months
	year := floor(index / 12)
	month := (index % 12) + 1
}

days_in(year, month) := 28 + leap(year) if {
	month == 2
} else := 30 if {
	month in {4, 6, 9, 11}
} else := 31

leap(year) := 1 if {
	year % 4 == 0
	year % 100 != 0
} else := 1 if {
	year % 400 == 0
} else := 0
