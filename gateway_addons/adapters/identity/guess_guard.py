"""Bounds how often somebody may guess at a client (RFC 6749 section 2.3.1): a client and the certificate that tries it.

By both together, so that nobody shuts a client out by guessing at it with a certificate of his own.
"""

import time
from collections.abc import Callable

from gateway_addons.core.brake import Brake
from gateway_addons.settings.brake import Brake as BrakeSettings


class GuessBrake:
    """Implements `authorization_server.GuessGuard`."""

    def __init__(self, settings: BrakeSettings, workers: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        """Each of `workers` workers lets its share through, at least one."""
        self._brake = Brake(per_minute=settings.guesses_per_minute / workers, burst=max(1, settings.guess_burst / workers),
                            max_names=settings.max_addresses)
        self._clock = clock

    def wait_s(self, client_id: str, certificate_sha256: str | None) -> float:
        """Seconds until the next try; 0 when it may be made."""
        return self._brake.wait_s(_name(client_id, certificate_sha256), self._clock())

    def failed(self, client_id: str, certificate_sha256: str | None) -> None:
        """A try was wrong."""
        self._brake.failed(_name(client_id, certificate_sha256), self._clock())


def _name(client_id: str, certificate_sha256: str | None) -> str:
    return f"{client_id[:128]} {certificate_sha256}"
