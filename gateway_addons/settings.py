"""`config/gateway.yaml`, read once into frozen, typed values; an unknown key or a wrong value stops the start.

Relative paths are relative to the folder of the file. Every limit carries its unit in its name.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

EnvironmentName = Literal["production", "sandbox"]
Port = Annotated[int, Field(ge=0, le=65535)]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]
NodeAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}$")]


class SettingsError(Exception):
    """The settings cannot be used; the message names the file, the place and what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listen(_Frozen):
    """Where a listener binds."""

    host: str = "127.0.0.1"
    port: Port


class Opa(_Frozen):
    """How OPA is asked: `unix:///path` or `http://host:port`; one attempt, one short time-out."""

    address: Annotated[str, StringConstraints(pattern=r"^(unix:///|http://)")]
    timeout_s: Seconds = 1.0


class Sentinel(_Frozen):
    """Redis Sentinel: who knows the master called `master`; `password` is the sentinels' own."""

    master: Annotated[str, Field(min_length=1)]
    nodes: tuple[NodeAddress, ...] = Field(min_length=1)
    password: str | None = None


class Cluster(_Frozen):
    """Redis Cluster: the nodes that are asked for the others."""

    nodes: tuple[NodeAddress, ...] = Field(min_length=1)


class Redis(_Frozen):
    """The Redis that holds the quota windows.

    With `sentinel` or `cluster`, `url` gives user, password, database and TLS, and its host is not used.
    """

    url: Annotated[str, StringConstraints(pattern=r"^(redis|rediss|unix)://")]
    timeout_s: Seconds = 0.5
    sentinel: Sentinel | None = None
    cluster: Cluster | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Redis":
        if self.sentinel and self.cluster:
            raise ValueError("sentinel and cluster exclude each other")
        return self


class Quota(_Frozen):
    """What happens while Redis does not charge the windows, and when a consumer is warned (clause 9.2).

    `refuse` answers 503; `local` charges a window of this worker's own, of `local_share` of each limit (1 / number of all
    workers of all gateways keeps the sum within the limit). `warn_at` is the share of use from which answers and metrics
    warn.
    """

    on_failure: Literal["refuse", "local"] = "refuse"
    local_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8


class JournalSettings(_Frozen):
    """The file that receives one JSON line for each call."""

    file: Path


class Limits(_Frozen):
    """The bounds of what a client may send, and for how long."""

    max_head_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 16 * 1024
    max_header_count: Annotated[int, Field(ge=8, le=1000)] = 64
    max_handshake_bytes: Annotated[int, Field(ge=4096, le=1 << 20)] = 32 * 1024
    max_pipelined_bytes: Annotated[int, Field(ge=0, le=1 << 20)] = 64 * 1024
    max_connections: Annotated[int, Field(ge=1)] = 2000
    handshake_timeout_s: Seconds = 10.0
    head_timeout_s: Seconds = 10.0
    body_timeout_s: Seconds = 60.0
    idle_timeout_s: Seconds = 60.0
    decision_timeout_s: Seconds = 5.0


class ServerIdentity(_Frozen):
    """The certificate that the listener shows: leaf and chain in one PEM file, and its key."""

    certificate_file: Path
    key_file: Path


class ClientTrust(_Frozen):
    """Which client certificates are believed (control C1).

    `refusal: alert` ends the handshake with a TLS alert; `answer` completes it, so that every call on the connection is
    refused with an INF-CERT-0x answer. `crl_grace_s` is how long after `nextUpdate` a revocation list still counts.
    """

    anchors_file: Path
    crl_files: tuple[Path, ...] = Field(min_length=1)
    crl_grace_s: Annotated[float, Field(ge=0, le=7 * 86400)] = 0
    refusal: Literal["alert", "answer"] = "alert"


class Backend(_Frozen):
    """The INFINOE backend of the environment: plain HTTP on the same machine or a private network, no path."""

    url: Annotated[str, StringConstraints(pattern=r"^http://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$")]
    answer_timeout_s: Seconds = 10.0
    max_answer_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024


class Tokens(_Frozen):
    """The access tokens of the environment (RFC 6749, RFC 9068, RFC 8705)."""

    issuer: str
    audience: str
    signing_key_file: Path
    client_secrets_file: Path
    lifetime_s: Annotated[int, Field(ge=30, le=3600)] = 600
    leeway_s: Annotated[int, Field(ge=0, le=60)] = 5


class Assertion(_Frozen):
    """The signed `X-JWT-Assertion` that tells the backend who was admitted."""

    issuer: str
    audience: str
    signing_key_file: Path
    lifetime_s: Annotated[int, Field(ge=5, le=300)] = 60


class Environment(_Frozen):
    """One listener with everything that is its own: trust, keys, secrets, backend."""

    listen: Listen
    hosts: tuple[HostName, ...] = Field(min_length=1)
    server: ServerIdentity
    clients: ClientTrust
    backend: Backend
    tokens: Tokens
    assertion: Assertion


class Settings(_Frozen):
    """The whole of `gateway.yaml`."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    admin: Listen
    opa: Opa
    redis: Redis
    quota: Quota = Quota()
    journal: JournalSettings
    apis: tuple[Path, ...] = Field(min_length=1)
    limits: Limits = Limits()
    environments: dict[EnvironmentName, Environment] = Field(min_length=1)


def load(path: Path) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: the file is missing, is not YAML, has an unknown key or a value out of its bounds.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise SettingsError(f"{path}: cannot be read ({e.strerror}); give --config the path of gateway.yaml") from e
    except yaml.YAMLError as e:
        raise SettingsError(f"{path}: is not YAML: {e}") from e
    try:
        return Settings.model_validate(_absolute(document, path.resolve().parent))
    except ValidationError as e:
        places = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False))
        raise SettingsError(f"{path}: {places}") from e


def _absolute(node: Any, folder: Path) -> Any:
    """Make every `file`, `*_file`, `*_files` and `apis` value absolute."""
    if isinstance(node, list):
        return [_absolute(x, folder) for x in node]
    if not isinstance(node, dict):
        return node
    return {key: _paths(value, folder) if _is_path_key(key) else _absolute(value, folder) for key, value in node.items()}


def _is_path_key(key: object) -> bool:
    return isinstance(key, str) and (key in {"file", "apis"} or key.endswith(("_file", "_files")))


def _paths(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_paths(x, folder) for x in value]
    return folder / value if isinstance(value, str) else value
