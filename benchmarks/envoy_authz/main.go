// envoy_authz answers Envoy's ext_authz questions (gRPC) with OPA as a library: what opa-envoy-plugin does, whose module the
// proxy here does not serve. The policy is a Rego file with the contracts as data; input has the plugin's shape.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	kind "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/open-policy-agent/opa/v1/rego"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

type server struct {
	auth.UnimplementedAuthorizationServer
	query rego.PreparedEvalQuery
}

func main() {
	socket := flag.String("socket", "", "unix socket to listen on")
	policy := flag.String("policy", "", "Rego file")
	data := flag.String("data", "", "JSON file, as data")
	flag.Parse()
	query, err := rego.New(rego.Query("data.envoy.decision"), rego.Load([]string{*policy, *data}, nil)).PrepareForEval(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		log.Fatal(err)
	}
	service := grpc.NewServer()
	auth.RegisterAuthorizationServer(service, &server{query: query})
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-ended; service.Stop() }()
	if err := service.Serve(listener); err != nil {
		log.Fatal(err)
	}
}

// Check is one question; whatever is not an allow is a refusal.
func (s *server) Check(ctx context.Context, request *auth.CheckRequest) (*auth.CheckResponse, error) {
	results, err := s.query.Eval(ctx, rego.EvalInput(input(request)))
	if err != nil || len(results) != 1 {
		return refused("503"), nil
	}
	decision, _ := results[0].Expressions[0].Value.(map[string]any)
	if allow, _ := decision["allow"].(bool); !allow {
		return refused("403"), nil
	}
	contract, _ := decision["contract"].(string)
	header := &core.HeaderValueOption{Header: &core.HeaderValue{Key: "x-contract", Value: contract},
		AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD}
	return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)},
		HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{Headers: []*core.HeaderValueOption{header}}}}, nil
}

func refused(code string) *auth.CheckResponse {
	number := kind.StatusCode_Forbidden
	if code == "503" {
		number = kind.StatusCode_ServiceUnavailable
	}
	return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: &auth.DeniedHttpResponse{Status: &kind.HttpStatus{Code: number}}}}
}

func input(request *auth.CheckRequest) map[string]any {
	attributes := request.GetAttributes()
	http := attributes.GetRequest().GetHttp()
	headers := map[string]any{}
	for name, value := range http.GetHeaders() {
		headers[name] = value
	}
	raw := http.GetRawBody()
	if len(raw) == 0 {
		raw = []byte(http.GetBody())
	}
	var body any
	if json.Unmarshal(raw, &body) != nil {
		body = nil
	}
	path, _, _ := strings.Cut(http.GetPath(), "?")
	return map[string]any{
		"method": http.GetMethod(), "path": path, "headers": headers, "body": body,
		"address": attributes.GetSource().GetAddress().GetSocketAddress().GetAddress(),
		"now":     attributes.GetRequest().GetTime().AsTime().UnixNano(),
	}
}
