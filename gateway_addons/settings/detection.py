"""`config/detection.yaml`: the rules of detection and the sinks that are told (clauses 8-e, 8-h4)."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from gateway_addons.core.detection.rules import Rule
from gateway_addons.settings.gateway import with_absolute_paths
from gateway_addons.settings.values import Frozen, Port, Seconds, SettingsError

SinkName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
MailAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]
MAX_FILE_BYTES = 1 << 20


class LogSink(Frozen):
    """The process's own log: one JSON line on standard error."""

    kind: Literal["log"]
    name: SinkName


class WebhookSink(Frozen):
    """A POST of the alert as JSON, signed as Standard Webhooks says; `secret_file` holds `whsec_` and base64."""

    kind: Literal["webhook"]
    name: SinkName
    url: Annotated[str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])(:|/|$))")]
    secret_file: Path
    ca_file: Path | None = None
    timeout_s: Seconds = 10.0


class SyslogSink(Frozen):
    """Syslog as RFC 5424 says: by UDP (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425)."""

    kind: Literal["syslog"]
    name: SinkName
    host: Annotated[str, Field(min_length=1)]
    port: Port
    transport: Literal["udp", "tcp", "tls"] = "tls"
    facility: Annotated[int, Field(ge=0, le=23)] = 13
    ca_file: Path | None = None
    timeout_s: Seconds = 10.0


class MailSink(Frozen):
    """E-mail by SMTP (RFC 5321); `security` is how the connection is protected."""

    kind: Literal["mail"]
    name: SinkName
    host: Annotated[str, Field(min_length=1)]
    port: Port
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: MailAddress
    recipients: tuple[MailAddress, ...] = Field(min_length=1, max_length=20)
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: Seconds = 20.0

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> "MailSink":
        if self.user and self.security == "none":
            raise ValueError("user: a password is not sent without starttls or tls")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        return self


Sink = Annotated[LogSink | WebhookSink | SyslogSink | MailSink, Field(discriminator="kind")]


class DetectionSettings(Frozen):
    """The whole file. `give_up_after_s`: how long a sink that fails is tried again; the alert stays in the list all the same."""

    version_schema: Literal[1]
    sinks: tuple[Sink, ...] = Field(min_length=1, max_length=32)
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=200)
    give_up_after_s: Annotated[int, Field(ge=60, le=30 * 86400)] = 3 * 86400
    drill_every_days: Annotated[int, Field(ge=1, le=366)] = 183

    @model_validator(mode="after")
    def _names_fit(self) -> "DetectionSettings":
        sinks = [s.name for s in self.sinks]
        if len(set(sinks)) != len(sinks):
            raise ValueError("sinks: a name is used twice")
        if len({r.id for r in self.rules}) != len(self.rules):
            raise ValueError("rules: an id is used twice")
        for rule in self.rules:
            if unknown := [name for name in rule.sinks if name not in sinks]:
                raise ValueError(f"rules.{rule.id}.sinks: no sink is called {unknown[0]}")
        return self


def load_detection(path: Path) -> DetectionSettings:
    """Read and check the file; relative paths are relative to its folder.

    Raises:
        SettingsError: missing, too large, not YAML, an unknown key, a rule or a sink that cannot be meant.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_FILE_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        return DetectionSettings.model_validate(with_absolute_paths(yaml.safe_load(raw), path.resolve().parent))
    except OSError as e:
        raise SettingsError(f"{path}: cannot be read ({e.strerror})") from e
    except yaml.YAMLError as e:
        raise SettingsError(f"{path}: is not YAML: {e}") from e
    except ValidationError as e:
        places = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False))
        raise SettingsError(f"{path}: {places}") from e
