"""What policy answered, read strictly: anything but a complete, well-formed decision is no decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.reasons import REASONS

Verdict = Literal["pass", "fail", "not_evaluated"]
CONTROLS = ("certificate", "address", "identifier", "identity", "contract", "rights")
Link = Literal["certificate_contract", "address_contract", "identifier_contract", "token_certificate", "client_contract",
               "siren_contract"]
"""Between the identities of a call and its contract; which of them are not proven is for the record of a refused call."""

TOKEN_CONTROLS = ("certificate", "address", "client", "contract")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReasonGiven(_Strict):
    """One reason of the decision: its code, the control that gave it and the clause."""

    code: str
    control: str
    clause: str


class ExtraWindow(_Strict):
    """A window that a call is charged to besides the contract's (3.1.1-g): at most `limit` calls, or bytes of bodies."""

    name: Annotated[str, Field(pattern=r"^[a-z_*]{1,32}(\.[a-z_*]{1,32}){0,3}$")]
    limit: Annotated[int, Field(ge=1, le=1 << 40)]
    window_s: Annotated[int, Field(ge=1, le=86_400)]
    unit: Literal["calls", "bytes"]


class QuotaToCharge(_Strict):
    """Which windows to charge: at most `limit` calls in any `window_s` seconds (clause 9.2), and those in `extra`."""

    key: Annotated[str, Field(min_length=1, max_length=256)]
    limit: Annotated[int, Field(ge=1, le=10_000_000)]
    window_s: Annotated[int, Field(ge=1, le=86_400)]
    extra: Annotated[list[ExtraWindow], Field(max_length=64)] = []

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "QuotaToCharge":
        if len({window.name for window in self.extra}) != len(self.extra):
            raise ValueError("two windows have one name")
        return self


class AssertionClaims(_Strict):
    """What the backend is told of the consumer that was admitted; the last: which envelopes it keeps (GBCP, art. 178)."""

    organisation: str
    application: str
    keytype: Literal["PRODUCTION", "SANDBOX"]
    convention: str
    siren: str
    enveloppe_intervention_distincte: Annotated[bool, Field(alias="enveloppeInterventionDistincte")]


class Decision(_Strict):
    """The verdict of every control on one call. `allow` is believed only when everything else agrees with it.

    `state` is the contract's in one word, for records; `retry_at` when a maintenance that goes on ends (UTC); `exceptions`
    are those to a control that touch this call.
    """

    allow: bool
    controls: dict[str, Verdict]
    reasons: list[ReasonGiven]
    contract: str | None
    state: str | None = None
    retry_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")] | None = None
    quota: QuotaToCharge | None
    assertion: AssertionClaims | None
    obligations: Annotated[list[str], Field(max_length=0)]
    broken_links: list[Link] = []
    exceptions: list[str] = []
    revision: Annotated[str, Field(min_length=1, max_length=128)]

    @model_validator(mode="after")
    def _coherent(self) -> "Decision":
        _check_controls(self.controls, CONTROLS, self.allow)
        _check_reasons(self.reasons, self.allow)
        if self.allow and not (self.contract and self.quota and self.assertion):
            raise ValueError("an allowed call has a contract, a quota and an assertion")
        return self


class TokenDecision(_Strict):
    """May a token be issued, and with which scopes."""

    allow: bool
    controls: dict[str, Verdict]
    reasons: list[ReasonGiven]
    contract: str | None
    scopes: list[str]
    exceptions: list[str] = []
    revision: Annotated[str, Field(min_length=1, max_length=128)]

    @model_validator(mode="after")
    def _coherent(self) -> "TokenDecision":
        _check_controls(self.controls, TOKEN_CONTROLS, self.allow)
        _check_reasons(self.reasons, self.allow)
        if self.allow and not (self.contract and self.scopes):
            raise ValueError("a token is issued for a contract and at least one scope")
        return self


def _check_controls(controls: Mapping[str, Verdict], expected: tuple[str, ...], allow: bool) -> None:
    if tuple(sorted(controls)) != tuple(sorted(expected)):
        raise ValueError(f"the controls must be {expected}")
    if allow != all(verdict == "pass" for verdict in controls.values()):
        raise ValueError("allow must be the conjunction of all controls")


def _check_reasons(reasons: list[ReasonGiven], allow: bool) -> None:
    if allow == bool(reasons):
        raise ValueError("a refusal has reasons, an allowed call has none")
    if unknown := [r.code for r in reasons if r.code not in REASONS]:
        raise ValueError(f"reason codes not in the catalogue: {unknown}")


@dataclass(frozen=True, slots=True)
class PolicyAnswer[D: (Decision, TokenDecision)]:
    """A decision and the revision of the bundle that OPA says it came from."""

    decision: D
    bundle_revision: str | None


def read_decision[D: (Decision, TokenDecision)](kind: type[D], result: object) -> D:
    """The decision in OPA's `result`.

    Raises:
        PolicyUnavailable: `result` is absent (undefined in Rego), incomplete, contradicts itself or carries an obligation
            that is not known here.
    """
    try:
        return kind.model_validate(result)
    except ValidationError as e:
        raise PolicyUnavailable(f"malformed decision: {e.error_count()} defects, first: {e.errors()[0]['msg']}") from e
