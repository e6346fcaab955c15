"""`config/gateway.yaml`, read once into frozen, typed values; an unknown key or a wrong value stops the start.

Relative paths are relative to the folder of the file. Every limit carries its unit in its name.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from gateway_addons.settings.address import Forwarded, ProxyProtocol
from gateway_addons.settings.brake import Brake
from gateway_addons.settings.journal import JournalSettings
from gateway_addons.settings.listener import Backend, BackendOfApi, ClientTrust, Limits, ServerIdentity
from gateway_addons.settings.policy import Opa, Policy
from gateway_addons.settings.quota import Quota, Redis
from gateway_addons.settings.tokens import Assertion, Tokens
from gateway_addons.settings.values import EnvironmentName, Frozen, HostName, Listen, SettingsError
from gateway_addons.settings.workers import Drain, State, WorkerCount


class Environment(Frozen):
    """One listener with everything that is its own: trust, keys, secrets, backend."""

    listen: Listen
    hosts: tuple[HostName, ...] = Field(min_length=1)
    server: ServerIdentity
    clients: ClientTrust
    proxy_protocol: ProxyProtocol | None = None
    forwarded: Forwarded | None = None
    backend: Backend
    backends: dict[str, BackendOfApi] = Field(default_factory=dict)
    """Backends of APIs that have one of their own, by the API's name; all others are at `backend`."""
    tokens: Tokens
    assertion: Assertion


class Detection(Frozen):
    """The file of rules and sinks of `poterne detection run` (see `settings.detection`)."""

    file: Path


class Settings(Frozen):
    """The whole of `gateway.yaml`."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    admin: Listen
    workers: WorkerCount = 1
    pin_workers: bool = False
    """Each worker keeps to one of the cores that the gateway may use, in turn."""

    drain: Drain = Drain()
    state: State
    opa: Opa
    policy: Policy
    redis: Redis
    quota: Quota = Quota()
    journal: JournalSettings
    detection: Detection | None = None
    apis: tuple[Path, ...] = Field(min_length=1)
    limits: Limits = Limits()
    brake: Brake = Brake()
    environments: dict[EnvironmentName, Environment] = Field(min_length=1)


def load(path: Path) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: the file is missing, is not YAML, has an unknown key or a value out of its bounds.
    """
    return parse(read(path), path)


def read(path: Path) -> str:
    """The text of the settings. Raises `SettingsError` when there is none to read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise SettingsError(f"{path}: cannot be read ({e.strerror}); give --config the path of gateway.yaml") from e
    except UnicodeDecodeError as e:
        raise SettingsError(f"{path}: is not UTF-8") from e


def parse(text: str, path: Path) -> Settings:
    """Check a text that was read from `path` (perhaps a while ago: a worker gets the text that its supervisor checked).

    Raises:
        SettingsError: like `load`.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise SettingsError(f"{path}: is not YAML: {e}") from e
    try:
        return Settings.model_validate(with_absolute_paths(document, path.resolve().parent))
    except ValidationError as e:
        places = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False))
        raise SettingsError(f"{path}: {places}") from e


def with_absolute_paths(node: Any, folder: Path) -> Any:
    """Make every `file`, `*_file`, `*_files`, `folder`, `*_folder` and `apis` value absolute."""
    if isinstance(node, list):
        return [with_absolute_paths(x, folder) for x in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _paths(value, folder) if _is_path_key(key) else with_absolute_paths(value, folder) for key, value in node.items()
    }


def _is_path_key(key: object) -> bool:
    return isinstance(key, str) and (key in {"file", "folder", "apis"} or key.endswith(("_file", "_files", "_folder")))


def _paths(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_paths(x, folder) for x in value]
    return folder / value if isinstance(value, str) else value
