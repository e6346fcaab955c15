//go:build tools

// Package opa pins the Open Policy Agent that Poterne runs; nothing here is compiled into the gateway.
package opa

import _ "github.com/open-policy-agent/opa"
