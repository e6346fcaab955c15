"""The rules of detection as `config/detection.yaml` says them; which kinds there are, and what each may be told (clause 8-e)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway_addons.core.detection.alert import Severity
from gateway_addons.core.reasons import REASONS

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Control = Literal[
    "request", "certificate", "address", "identifier", "identity", "contract", "rights", "client", "quota", "gateway"
]
Group = Literal["ip", "convention", "certificat"]
"""By which field of the record refusals are counted together."""


class _Rule(BaseModel):
    """What every rule says. `quiet_s`: the same rule does not speak again of the same subject for so long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: RuleId
    severity: Severity = "warning"
    quiet_s: Annotated[int, Field(ge=0, le=30 * 86400)] = 900
    sinks: tuple[str, ...] = ()
    """Names of sinks; empty means all of them."""


class RepeatedRefusals(_Rule):
    """`count` refusals within `window_s`, of these controls or these codes, with one `by`."""

    kind: Literal["repeated_refusals"]
    by: Group = "ip"
    controls: tuple[Control, ...] = ()
    codes: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1, le=100_000)] = 20
    window_s: Annotated[int, Field(ge=1, le=86400)] = 300

    @model_validator(mode="after")
    def _says_which(self) -> "RepeatedRefusals":
        if not self.controls and not self.codes:
            raise ValueError("name controls or codes; without either the rule would never speak")
        if unknown := [code for code in self.codes if code not in REASONS]:
            raise ValueError(f"no reason has the code {unknown[0]}; `poterne reasons` lists them")
        return self


class MismatchedIdentities(_Rule):
    """Identities of one call that lead to different contracts: another's token, identifier or SIREN with this certificate."""

    kind: Literal["mismatched_identities"]
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    window_s: Annotated[int, Field(ge=1, le=86400)] = 300


class NewNetwork(_Rule):
    """A certificate used from a network that it was never used from, once `min_calls` calls have shown where it is used."""

    kind: Literal["new_network"]
    prefix_v4: Annotated[int, Field(ge=8, le=32)] = 24
    prefix_v6: Annotated[int, Field(ge=16, le=128)] = 48
    min_calls: Annotated[int, Field(ge=1, le=1_000_000)] = 50


class UnusualVolume(_Rule):
    """More calls of a consumer in this hour than `factor` times what it makes in this hour of the day (Paris)."""

    kind: Literal["unusual_volume"]
    factor: Annotated[float, Field(gt=1, le=1000)] = 4.0
    min_calls: Annotated[int, Field(ge=1, le=10_000_000)] = 200
    min_days: Annotated[int, Field(ge=1, le=365)] = 7


class ClockJump(_Rule):
    """The journal's times go back, or lie ahead of the clock of who reads it; or that clock jumps itself."""

    kind: Literal["clock_jump"]
    back_s: Annotated[float, Field(gt=0, le=86400)] = 60.0
    ahead_s: Annotated[float, Field(gt=0, le=86400)] = 60.0


class ExpiryAhead(_Rule):
    """Something ends within one of these numbers of days: a certificate, a revocation list, an attestation, a text."""

    kind: Literal["expiry_ahead"]
    days: tuple[Annotated[int, Field(ge=0, le=1000)], ...] = (60, 30, 7, 1, 0)


class IncidentClock(_Rule):
    """A delay of an open incident has passed one of these numbers of hours: `cnil` (6.6-a), `interruption` (10-D)."""

    kind: Literal["incident_clock"]
    clock: Literal["cnil", "interruption"]
    hours: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(min_length=1)


class JournalEvent(_Rule):
    """Records that are no calls: acts of operators and events of the gateway whose name fits one of the patterns (`switch.*`)."""

    kind: Literal["journal_event"]
    events: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.*?-]{1,64}$")], ...] = Field(min_length=1)


class GatewayHealth(_Rule):
    """Something that the gateway depends on, or the gateway itself, has been away for `for_s` seconds."""

    kind: Literal["gateway_health"]
    for_s: Annotated[int, Field(ge=0, le=86400)] = 30


class JournalStopped(_Rule):
    """The journal takes no record: a full disk, a write that failed, a chain that is not what was written. Told at once."""

    kind: Literal["journal_stopped"]
    severity: Severity = "critical"


Rule = Annotated[
    RepeatedRefusals | MismatchedIdentities | NewNetwork | UnusualVolume | ClockJump | ExpiryAhead | IncidentClock
    | JournalEvent | GatewayHealth | JournalStopped,
    Field(discriminator="kind"),
]
