"""Envoy with the same five controls as far as it can: mutual TLS with revocation lists, JWT verification, OPA by ext_authz
(gRPC, with the body), Redis rate limiting by Envoy's own service, a JSON access log. Not the same: its log is not durable,
not chained and written after the answer; a fixed window of a second or a minute stands in for the sliding one.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc.jwk import ECKey

from benchmarks.speed.stage import Stage
from gateway_addons.core.contract.model import Contract

YEAR_NS = 365 * 86400 * 1_000_000_000
POLICY = Path(__file__).resolve().parents[1] / "envoy_authz" / "policy.rego"
SCOPE = "infinoe_comptable_ecriture"


@dataclass(frozen=True)
class EnvoyFiles:
    """What was written for Envoy and for what stands beside it."""

    envoy: Path
    authz_data: Path
    authz_socket: Path
    ratelimit_folder: Path


def write(stage: Stage, contracts: list[Contract], port: int, ratelimit_port: int | None, name: str) -> EnvoyFiles:
    """Write the configuration of Envoy, its policy's data and the rate limit service's rules."""
    folder = stage.folder / name
    (folder / "config").mkdir(parents=True, exist_ok=True)
    socket, data = folder / "authz.sock", folder / "data.json"
    data.write_text(json.dumps(_data(stage, contracts)))
    (folder / "config" / "poterne.yaml").write_text(
        yaml.safe_dump(
            {
                "domain": "poterne",
                "descriptors": [{"key": "contract", "rate_limit": {"unit": "minute", "requests_per_unit": 9_000_000}}],
            }
        )
    )
    crl = folder / "crl.pem"
    crl.write_bytes(b"".join(_pem(Path(f)) for f in stage.trust["crl_files"]))
    settings = _settings(stage, folder, socket, port, ratelimit_port)
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    return EnvoyFiles(file, data, socket, folder)


def _pem(file: Path) -> bytes:
    raw = file.read_bytes()
    if raw.startswith(b"-----"):
        return raw
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(raw) + b"-----END X509 CRL-----\n"


def _data(stage: Stage, contracts: list[Contract]) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp()) * 1_000_000_000
    fingerprint = x509.load_pem_x509_certificate(Path(stage.consumer["cert_file"]).read_bytes()).fingerprint(hashes.SHA256())
    found = {}
    for contract in contracts:
        found[contract.convention.id] = {
            "id": contract.convention.id,
            "from": now - YEAR_NS,
            "to": now + YEAR_NS,
            "networks": list(contract.acces.adresses_ip),
            "identifiers": list(contract.acces.identifiants_techniques),
            "scope": SCOPE,
            "clients": [c.client_id for c in contract.acces.clients_oauth2],
            "thumbprint": base64.urlsafe_b64encode(fingerprint).rstrip(b"=").decode(),
            "rights": [
                {
                    "flux": r.flux,
                    "operations": list(r.operations),
                    "siret": r.siret,
                    "budgets": list(r.budgets),
                    "exercices": list(r.exercices),
                    "months": list(r.months()),
                }
                for r in contract.droits
            ],
        }
    return {"contracts": found, "certificates": {fingerprint.hex(): stage.consumer["contract"]}}


def _settings(stage: Stage, folder: Path, socket: Path, port: int, ratelimit_port: int | None) -> dict[str, Any]:
    filters = [_jwt(stage), _authz()]
    clusters = [
        _cluster("upstream", {"socket_address": {"address": "127.0.0.1", "port_value": stage.upstream_port}}),
        _cluster("authz", {"pipe": {"path": str(socket)}}, grpc=True),
    ]
    if ratelimit_port is not None:
        filters.append(_limit())
        clusters.append(
            _cluster("ratelimit", {"socket_address": {"address": "127.0.0.1", "port_value": ratelimit_port}}, grpc=True)
        )
    filters.append(_filter("envoy.filters.http.router", "router.v3.Router", {}))
    route = {
        "match": {"prefix": "/"},
        "route": {
            "cluster": "upstream",
            "timeout": "10s",
            "rate_limits": [{"actions": [{"request_headers": {"header_name": "x-contract", "descriptor_key": "contract"}}]}],
        },
    }
    manager = {
        "@type": _kind("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "poterne",
        "codec_type": "HTTP1",
        "forward_client_cert_details": "SANITIZE_SET",
        "use_remote_address": True,
        "generate_request_id": True,
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "access_log": [
            {
                "name": "file",
                "typed_config": {
                    "@type": _kind("access_loggers.file.v3.FileAccessLog"),
                    "path": str(folder / "access.log"),
                    "log_format": {
                        "json_format": {
                            "time": "%START_TIME%",
                            "id": "%REQ(X-REQUEST-ID)%",
                            "contract": "%REQ(X-CONTRACT)%",
                            "path": "%REQ(:PATH)%",
                            "status": "%RESPONSE_CODE%",
                            "ip": "%DOWNSTREAM_REMOTE_ADDRESS%",
                            "ms": "%DURATION%",
                        }
                    },
                },
            }
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    }
    tls = {
        "@type": _kind("transport_sockets.tls.v3.DownstreamTlsContext"),
        "require_client_certificate": True,
        "disable_stateless_session_resumption": True,
        "common_tls_context": {
            "alpn_protocols": ["http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificates": [
                {
                    "certificate_chain": {"filename": stage.server["certificate_file"]},
                    "private_key": {"filename": stage.server["key_file"]},
                }
            ],
            "validation_context": {
                "trusted_ca": {"filename": stage.trust["anchors_file"]},
                "crl": {"filename": str(folder / "crl.pem")},
            },
        },
    }
    listener = {
        "name": "main",
        "enable_reuse_port": True,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {"transport_socket": {"name": "tls", "typed_config": tls}, "filters": [{"name": "http", "typed_config": manager}]}
        ],
    }
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _kind(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"


def _filter(name: str, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": _kind(f"filters.http.{kind}"), **settings}}


def _jwt(stage: Stage) -> dict[str, Any]:
    key = ECKey.import_key(Path(stage.environment["token_signing_key_file"]).read_bytes())
    public = key.as_dict(private=False) | {"kid": key.thumbprint(), "alg": "ES256"}
    provider = {
        "issuer": stage.tokens["issuer"],
        "audiences": [stage.tokens["audience"]],
        "forward": True,
        "forward_payload_header": "x-jwt-payload",
        "local_jwks": {"inline_string": json.dumps({"keys": [public]})},
    }
    return _filter(
        "envoy.filters.http.jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        {"providers": {"poterne": provider}, "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "poterne"}}]},
    )


def _authz() -> dict[str, Any]:
    return _filter(
        "envoy.filters.http.ext_authz",
        "ext_authz.v3.ExtAuthz",
        {
            "transport_api_version": "V3",
            "failure_mode_allow": False,
            "with_request_body": {"max_request_bytes": 4 << 20, "pack_as_bytes": True},
            "grpc_service": {"envoy_grpc": {"cluster_name": "authz"}, "timeout": "5s"},
        },
    )


def _limit() -> dict[str, Any]:
    return _filter(
        "envoy.filters.http.ratelimit",
        "ratelimit.v3.RateLimit",
        {
            "domain": "poterne",
            "failure_mode_deny": True,
            "timeout": "1s",
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": "ratelimit"}},
            },
        },
    )


def _cluster(name: str, address: dict[str, Any], *, grpc: bool = False) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "name": name,
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
    }
    if grpc:
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _kind("upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return cluster
