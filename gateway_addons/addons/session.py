"""What one TLS connection is known by; the layers fill it in, the gate reads it. Nothing here comes from a header."""

from collections.abc import Callable
from dataclasses import dataclass, field

from OpenSSL import SSL

from gateway_addons.addons.drain import Drain
from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.addons.proxy_protocol import Balancers
from gateway_addons.core.bounds import BodyAccount
from gateway_addons.core.evidence.address import ObservedAddress
from gateway_addons.core.path import Link, PathRefused, VerifiedPath
from gateway_addons.core.source import TrustedProxies
from gateway_addons.settings.listener import Limits

SESSION = "poterne.session"
"""Key of the `Session` in a flow's metadata."""

ADMITTED = "poterne.admitted"
"""Key under which the gate puts its `Admission` last of all; without it no layer connects to the backend."""

RELEASED = "poterne.released"
"""Key under which the gate puts its `Release` when an answer may leave; the backend's own answer never does without it."""

DEFECT = "poterne.defect"
"""Key of the `Refusal` that the HTTP layer found in the message's form."""

BACKEND_FAILURE = "poterne.backend_failure"
"""Key of the reason code for a backend that failed."""


class Admission:
    """The mark of a call that was allowed. Only the gate makes one."""


class Release:
    """The mark of an answer that the gate has seen and recorded. Only the gate makes one."""


@dataclass(slots=True)
class Session:
    """One client connection on one environment's listener.

    `leaf_der` is the certificate whose key the TLS peer proved to hold; `failure` is why its path was not verified; `links`
    is the path that was, to be looked at again for each call; `bodies` is what the connection's bodies take of the memory
    of all.
    """

    environment: str
    bodies: BodyAccount
    failure: str | None = "absent"
    leaf_der: bytes | None = None
    links: tuple[Link, ...] = ()
    sni: str | None = None
    address: ObservedAddress | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listener needs to build the layers of one connection."""

    environment: str
    backend: tuple[str, int]
    tls_context: Callable[[], SSL.Context]
    limits: Limits
    max_body_bytes: int
    answer_timeout_s: float
    max_answer_bytes: int
    last_resort: Callable[[str], bytes]
    drain: Drain = field(default_factory=Drain)
    balancers: Balancers | None = None
    proxies: TrustedProxies | None = None


@dataclass(slots=True)
class HandshakeNotes:
    """What path validation said during one handshake: the leaf that was shown, and its path or why there is none."""

    judged: bool = False
    leaf_der: bytes | None = None
    path: VerifiedPath | None = None
    refused: PathRefused | None = None
    source: str | None = None
