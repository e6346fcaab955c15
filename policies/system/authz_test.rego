package system.authz_test

import data.system.authz

allowed(method, path, params) := answer if {
	answer := authz.allow with input as {"method": method, "path": path, "params": params}
}

test_questions if {
	allowed("POST", ["v1", "data", "poterne", "decision"], {}) == true
	allowed("POST", ["v1", "data", "poterne", "token", "decision"], {"provenance": ["true"]}) == true
}

test_reading if {
	allowed("GET", ["health"], {"bundles": ["true"]}) == true
	allowed("GET", ["metrics"], {}) == true
	allowed("GET", ["v1", "status"], {}) == true
}

test_all_else if {
	allowed("GET", ["v1", "data"], {}) == false
	allowed("POST", ["v1", "data", "contracts"], {}) == false
	allowed("POST", ["v1", "data", "poterne", "decision"], {"explain": ["full"]}) == false
	allowed("PUT", ["v1", "policies", "x"], {}) == false
}

test_nothing if {
	answer := authz.allow with input as {}
	answer == false
}
