"""How many workers serve, how they leave, and where the gateway keeps what must last."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gateway_addons.settings.values import Frozen, Seconds

type WorkerCount = Literal["auto"] | Annotated[int, Field(ge=1, le=256)]


class Drain(Frozen):
    """How a worker leaves: no new connection, calls in flight are finished, and every answer says `Connection: close`.

    `stop_*` is for SIGTERM, `roll_*` for a worker that another one replaces. `*_calls_s` bounds the calls in flight;
    connections that stay idle are closed after `*_idle_s`: late, because a client may be sending a call on one just then.
    """

    stop_calls_s: Seconds = 20.0
    stop_idle_s: Annotated[float, Field(ge=0, le=3600)] = 2.0
    roll_calls_s: Seconds = 120.0
    roll_idle_s: Annotated[float, Field(ge=0, le=3600)] = 60.0


class State(Frozen):
    """The folder of everything that lasts and is not the journal; `run/` in it holds lock and sockets of the running gateway."""

    folder: Path

    @property
    def run(self) -> Path:
        """Lock and sockets of the gateway that runs now."""
        return self.folder / "run"


def worker_count(wanted: WorkerCount) -> int:
    """`auto` is one for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if wanted == "auto" else wanted
