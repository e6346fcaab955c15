"""What an operator orders with a switch: whom it is for, what it leaves, why and until when (clauses 8-g1, 8-g3, 8-g4, 12-a)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Literal, get_args

from gateway_addons.core.facts import rfc3339

Kind = Literal["cut", "restrict"]
TargetKind = Literal["convention", "certificate", "ip", "client", "flux", "all"]
Motif = Literal["securite", "maintenance", "autre"]
MOTIFS: tuple[str, ...] = get_args(Motif)
OPERATIONS = ("creer", "modifier", "supprimer")
MAX_REASON_CHARS = 500

_NAME = re.compile(r"[^\s|]{1,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FLUX = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class OrderError(ValueError):
    """The order cannot be carried out; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a switch is for. `environment` None: both."""

    kind: TargetKind
    value: str | None
    environment: str | None

    def told(self) -> str:
        """For a person."""
        return f"{self.kind} {self.value or ''}".strip() + f" ({self.environment or 'both environments'})"


@dataclass(frozen=True, slots=True)
class Order:
    """One switch. `limit`, `operations` and `flux` are what a restriction leaves (None: untouched)."""

    kind: Kind
    target: Target
    motif: Motif
    reason: str
    author: str
    at: datetime
    until: datetime | None = None
    limit: int | None = None
    operations: tuple[str, ...] | None = None
    flux: tuple[str, ...] | None = None

    def value(self, notices: tuple[str, ...]) -> dict[str, Any]:
        """The entry for the register; `notices` are the conventions that a notice was written for."""
        return {
            "kind": self.kind, "environment": self.target.environment, "target": self.target.kind, "value": self.target.value,
            "limit": self.limit, "operations": None if self.operations is None else list(self.operations),
            "flux": None if self.flux is None else list(self.flux), "motif": self.motif, "reason": self.reason,
            "author": self.author, "from": rfc3339(self.at), "notices": len(notices),
        }

    def about(self, switch_id: str, notices: tuple[str, ...]) -> dict[str, str]:
        """What the journal tells of it."""
        given = {
            "interrupteur": switch_id, "cible": self.target.kind, "valeur": self.target.value,
            "environnement": self.target.environment, "categorie": self.motif,
            "convention": self.target.value if self.target.kind == "convention" else None,
            "jusqua": None if self.until is None else rfc3339(self.until),
            "appelsParMinute": None if self.limit is None else str(self.limit),
            "operations": None if self.operations is None else ",".join(self.operations),
            "flux": None if self.flux is None else ",".join(self.flux),
            "avis": str(len(notices)), "conventions": ",".join(notices[:50]),
        }
        return {name: value for name, value in given.items() if value is not None}


def target(environment: str | None, given: Mapping[TargetKind, str | bool | None]) -> Target:
    """The one target that was named.

    Raises:
        OrderError: none or several, or one that is not of its form.
    """
    named = [(kind, value) for kind, value in given.items() if value]
    if len(named) != 1:
        raise OrderError("name exactly one of --convention, --certificate, --ip, --client, --flux, --all")
    kind, value = named[0]
    return Target(kind, None if value is True else _checked(kind, str(value)), environment)


def _checked(kind: TargetKind, value: str) -> str:
    if kind == "ip":
        try:
            return str(ip_network(value, strict=True))
        except ValueError as e:
            raise OrderError(f"--ip {value}: not an address or a network in CIDR form, host bits zero ({e})") from e
    if kind == "certificate":
        value = value.lower().removeprefix("sha256:").replace(":", "")
    pattern = {"certificate": _SHA256, "flux": _FLUX}.get(kind, _NAME)
    if pattern.fullmatch(value) is None:
        more = "; give its SHA-256 (64 hexadecimal digits) or a PEM file" if kind == "certificate" else ""
        raise OrderError(f"--{kind} {value!r} cannot be right{more}")
    return value


def check(order: Order) -> None:
    """Is it whole? Raises `OrderError`."""
    if not order.reason.strip() or len(order.reason) > MAX_REASON_CHARS:
        raise OrderError(f"--reason must say why, in 1 to {MAX_REASON_CHARS} characters")
    if not order.author.strip():
        raise OrderError("--author must name somebody")
    if order.until is not None and order.until <= order.at:
        raise OrderError("--until is over already")
    if order.until is not None and order.until.year >= 2255:
        raise OrderError("--until lies too far ahead; leave it out for a switch without an end")
    left = (order.limit, order.operations, order.flux)
    if order.kind == "restrict" and left == (None, None, None):
        raise OrderError("a restriction says what is left: --appels-par-minute, --operations, --flux")
    if order.limit is not None and not 1 <= order.limit <= 1_000_000:
        raise OrderError("--appels-par-minute is at least 1; to let nothing pass, cut")
    if unknown := [o for o in order.operations or () if o not in OPERATIONS]:
        raise OrderError(f"--operations: {', '.join(unknown)} is none of {', '.join(OPERATIONS)}")
    if wrong := [f for f in order.flux or () if _FLUX.fullmatch(f) is None]:
        raise OrderError(f"--flux: {', '.join(wrong)} cannot be right")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified before a return to service (8-g4)."""

    element_malveillant_supprime: bool
    vulnerabilites_corrigees: bool
    par: str
    le: datetime

    def about(self) -> dict[str, str]:
        """What the journal tells of it."""
        return {"element_malveillant_supprime": "oui", "vulnerabilites_corrigees": "oui", "par": self.par, "le": rfc3339(self.le)}


def check_restore(motif: str, verification: Verification | None, now: datetime) -> None:
    """May service be given back? For maintenance at any time; else only when all of 8-g4 was verified. Raises `OrderError`."""
    if motif == "maintenance":
        return
    if verification is None:
        raise OrderError("8-g4: say what was verified before the return to service: --element-malveillant-supprime "
                         "--vulnerabilites-corrigees --par WHO --le WHEN")
    if not verification.element_malveillant_supprime:
        raise OrderError("8-g4: the malicious element must be gone (--element-malveillant-supprime)")
    if not verification.vulnerabilites_corrigees:
        raise OrderError("8-g4: the vulnerabilities must be corrected (--vulnerabilites-corrigees)")
    if not verification.par.strip():
        raise OrderError("8-g4: --par must name who verified it")
    if verification.le > now:
        raise OrderError("8-g4: --le lies ahead: a verification that is still to come is none")
