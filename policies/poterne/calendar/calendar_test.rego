package poterne.calendar_test

import data.poterne.calendar

# Clauses 3.4.1-d, 3.4.2-e, 6.8-b, 14-d: day, months, result.
vectors := [
	["2026-12-31", -3, "2026-09-30"], ["2027-05-31", -3, "2027-02-28"], ["2028-05-31", -3, "2028-02-29"],
	["2026-03-15", -3, "2025-12-15"], ["2024-02-29", 36, "2027-02-28"], ["2026-11-23", 72, "2032-11-23"],
	["2026-06-30", 2, "2026-08-30"], ["2026-12-31", 2, "2027-02-28"], ["2000-01-31", 1, "2000-02-29"],
	["2100-01-31", 1, "2100-02-28"], ["2026-01-08", 8, "2026-09-08"], ["2026-08-31", 1, "2026-09-30"],
]

test_plus_months if {
	every vector in vectors {
		calendar.plus_months(vector[0], vector[1]) == vector[2]
	}
}

# Midnight in Paris, in winter, in summer, and on the nights the clock changes.
test_today if {
	calendar.today == "2026-01-15" with input as {"now": "2026-01-15T22:59:59Z"}
	calendar.today == "2026-01-16" with input as {"now": "2026-01-15T23:00:00Z"}
	calendar.today == "2026-07-16" with input as {"now": "2026-07-15T22:00:00Z"}
	calendar.today == "2026-03-29" with input as {"now": "2026-03-28T23:00:00Z"}
	calendar.today == "2026-03-30" with input as {"now": "2026-03-29T22:00:00Z"}
	calendar.today == "2026-10-25" with input as {"now": "2026-10-25T22:59:59Z"}
	calendar.today == "2026-10-26" with input as {"now": "2026-10-25T23:00:00Z"}
}
