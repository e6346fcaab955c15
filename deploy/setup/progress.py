"""Progress of the set-up: one line a step with its seconds; colour and a moving line only on a terminal."""

import os
import sys
import time
from types import TracebackType

HEARTBEAT_S = 15.0
"""How often a long step says that it is alive where there is no terminal."""


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


class Step:
    """One step of the set-up; use as a context manager, call `tick` while waiting and `done` with the outcome."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = self._last = time.monotonic()
        self._live = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._doing = ""

    def __enter__(self) -> "Step":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._line("failed", "31", end="\n")

    def doing(self, what: str) -> None:
        """Say what takes time now."""
        self._doing = what
        self._line(f"{what} ...", "33", end="" if self._live else "\n")
        self._last = time.monotonic()

    def tick(self) -> None:
        """Say, from time to time, that the step is still going on."""
        now = time.monotonic()
        if now - self._last < (0.2 if self._live else HEARTBEAT_S):
            return
        self._last = now
        self._line(f"{self._doing} ...", "33", end="" if self._live else "\n")

    def done(self, outcome: str) -> None:
        """The last line of the step."""
        self._line(outcome, "32", end="\n")

    def _line(self, text: str, colour: str, end: str) -> None:
        seconds = f"{time.monotonic() - self._started:6.1f} s"
        if self._live:
            print(f"\r\033[2K  \033[{colour}m{self._name:<8}\033[0m {seconds}  {text}", end=end, flush=True)
        else:
            print(f"  {self._name:<8} {seconds}  {text}", end=end, flush=True)
