package system.authz_test

import data.system.authz

test_the_two_questions if {
	authz.allow == true with input as {"method": "POST", "path": ["v1", "data", "poterne", "decision"]}
	authz.allow == true with input as {"method": "POST", "path": ["v1", "data", "poterne", "token", "decision"]}
}

test_health_metrics_status if {
	authz.allow == true with input as {"method": "GET", "path": ["health"]}
	authz.allow == true with input as {"method": "GET", "path": ["metrics"]}
	authz.allow == true with input as {"method": "GET", "path": ["v1", "status"]}
}

test_nothing_else if {
	authz.allow == false with input as {}
	authz.allow == false with input as {"method": "GET", "path": ["v1", "data", "poterne", "decision"]}
	authz.allow == false with input as {"method": "POST", "path": ["v1", "data"]}
	authz.allow == false with input as {"method": "PUT", "path": ["v1", "policies", "x"]}
	authz.allow == false with input as {"method": "POST", "path": []}
}
