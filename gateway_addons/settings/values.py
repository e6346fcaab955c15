"""What the sections of `gateway.yaml` share: frozen models, and values with their bounds."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

EnvironmentName = Literal["production", "sandbox"]
Port = Annotated[int, Field(ge=0, le=65535)]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]
NodeAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}$")]


class SettingsError(Exception):
    """The settings cannot be used; the message names the file, the place and what to do."""


class Frozen(BaseModel):
    """A section: frozen, and a key that is not in the model is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listen(Frozen):
    """Where a listener binds."""

    host: str = "127.0.0.1"
    port: Port
