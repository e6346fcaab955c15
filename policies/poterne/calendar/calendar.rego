# METADATA
# title: Dates of Europe/Paris
# description: Days are texts "YYYY-MM-DD", which compare as dates do.
# custom:
#   clause: 3.4.1-d
# schemas:
#   - input: schema.decision_input
package poterne.calendar

now_ns := time.parse_rfc3339_ns(input.now)

# METADATA
# description: Today in Paris, from input.now and from nothing else.
today := time.format([now_ns, "Europe/Paris", "2006-01-02"])

# METADATA
# description: Is today within [from, to], both days included? An end of null is open.
within(from, to) if {
	is_string(from)
	today >= from
	before_end(to)
}

before_end(null)

before_end(to) if {
	is_string(to)
	today <= to
}

# METADATA
# description: The same day `months` later (earlier when negative), clamped to the end of the month.
plus_months(day, months) := sprintf("%04d-%02d-%02d", [year, month, min({number, days_in(year, month)})]) if {
	[y, m, number] := [to_number(part) | some part in split(trim_zeros(day), "-")]
	index := ((y * 12) + (m - 1)) + months
	year := floor(index / 12)
	month := (index % 12) + 1
}

# A number with a leading zero is no number to OPA.
trim_zeros(day) := replace(replace(day, "-0", "-"), "--", "-")

days_in(_, month) := 31 if month in {1, 3, 5, 7, 8, 10, 12}

days_in(_, month) := 30 if month in {4, 6, 9, 11}

days_in(year, 2) := 29 if leap(year)

days_in(year, 2) := 28 if not leap(year)

leap(year) if {
	year % 4 == 0
	year % 100 != 0
}

leap(year) if year % 400 == 0
