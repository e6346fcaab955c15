"""What the brake lets pass before somebody waits (issue 4; clause 8-e, reading AMB-3)."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway_addons.settings.values import Frozen


def _network(value: str) -> str:
    return str(ip_network(value, strict=True))


class Brake(Frozen):
    """Failures of one source address (IPv6: of one /64), and guesses at one client, before the next ones wait.

    Figures are for the whole gateway: each of its workers lets its share through. `burst` failures at once are let
    through, `failures_per_minute` in the long run; at most `max_addresses` are remembered. A braked address makes
    `slow_handshakes` handshakes at a time, and `slow_queue` more may wait for their turn. `exempt` names networks that are
    never braked: a balancer's own health checks.
    """

    failures_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    max_addresses: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    guesses_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 10
    guess_burst: Annotated[int, Field(ge=1, le=10_000)] = 10
    slow_handshakes: Annotated[int, Field(ge=1, le=100)] = 4
    slow_queue: Annotated[int, Field(ge=1, le=10_000)] = 64
    exempt: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
