"""How a worker leaves without a client noticing: every layer of every connection looks at the one `Drain`."""

import time

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end


class Drain:
    """Off until `begin`; then every answer says `Connection: close`, and idle connections end after a while.

    An idle connection is closed late, because its client may be sending a call at that very moment and would see a reset.
    """

    def __init__(self) -> None:
        self.active = False
        self._idle_until = 0.0

    def begin(self, idle_s: float) -> None:
        """Start to leave, or, when leaving already, hurry: the earlier end counts."""
        until = time.monotonic() + idle_s
        self._idle_until = min(until, self._idle_until) if self.active else until
        self.active = True

    def ends_idle(self) -> bool:
        """Are connections on which nothing happens closed now?"""
        return self.active and time.monotonic() >= self._idle_until
