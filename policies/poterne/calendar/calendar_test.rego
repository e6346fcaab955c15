package poterne.calendar_test

import data.poterne.calendar

# The vectors of the clause table.
test_months if {
	[calendar.plus_months(day, n) | some [day, n] in [
		["2026-12-31", -3], ["2027-05-31", -3], ["2028-05-31", -3], ["2026-03-15", -3],
		["2024-02-29", 36], ["2026-11-23", 72], ["2026-06-30", 2], ["2026-12-31", 2], ["2000-01-31", 1], ["1900-01-31", 1],
		["2026-08-08", 1], ["2026-03-31", 1],
	]] == [
		"2026-09-30", "2027-02-28", "2028-02-29", "2025-12-15",
		"2027-02-28", "2032-11-23", "2026-08-30", "2027-02-28", "2000-02-29", "1900-02-28",
		"2026-09-08", "2026-04-30",
	]
}

# Midnight in Paris, in winter, in summer, and on the nights that clocks change.
test_today if {
	[day |
		some now in [
			"2026-01-01T22:59:59Z", "2026-01-01T23:00:00Z", "2026-07-01T21:59:59Z", "2026-07-01T22:00:00Z",
			"2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z",
			"2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z",
		]
		day := calendar.today with input as {"now": now}
	] == [
		"2026-01-01", "2026-01-02", "2026-07-01", "2026-07-02",
		"2026-03-28", "2026-03-29", "2026-03-29", "2026-03-30",
		"2026-10-24", "2026-10-25", "2026-10-25", "2026-10-26",
	]
}

on(now) := {
	"reached": {day | some day in days; calendar.reached(day) with input as {"now": now}},
	"not_passed": {day | some day in days; calendar.not_passed(day) with input as {"now": now}},
	"ahead": {day | some day in days; calendar.ahead(day) with input as {"now": now}},
}

# Null comes before every text in Rego's order, "" too; neither may prove anything.
days := {"2026-06-14", "2026-06-15", "2026-06-16", null, "", "2026", "2026-13-01", 20260615, {"a": 1}}

test_only_days_prove_anything if {
	on("2026-06-15T10:00:00Z") == {
		"reached": {"2026-06-14", "2026-06-15"},
		"not_passed": {"2026-06-15", "2026-06-16"},
		"ahead": {"2026-06-16"},
	}
}

test_without_a_clock_nothing_is_proven if {
	on(null) == {"reached": set(), "not_passed": set(), "ahead": set()}
}

test_within if {
	{end | some end in days; calendar.within("2026-06-15", end) with input as {"now": "2026-06-15T10:00:00Z"}} == {
		"2026-06-15", "2026-06-16",
	}
}
