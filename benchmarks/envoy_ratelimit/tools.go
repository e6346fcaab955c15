//go:build tools

// Package tools pins Envoy's rate limit service, which the benchmark builds and runs beside Envoy.
package tools

import _ "github.com/envoyproxy/ratelimit/src/service_cmd"
