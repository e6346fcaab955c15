"""Inside a worker: how many bytecode instructions each function executes (see `instructions.py`)."""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parents[2]
INTO = "POTERNE_COUNT_INTO"
"""The environment's variable that makes `without.py` count."""


def count_on_signal(file: Path) -> None:
    """In the worker: begin to count at SIGUSR2; at the next one write what was counted."""
    monitoring, tool = sys.monitoring, sys.monitoring.PROFILER_ID
    events = monitoring.events
    executed: Counter[CodeType] = Counter()
    begun: Counter[CodeType] = Counter()

    def instruction(code: CodeType, _: int) -> None:
        executed[code] += 1

    def start(code: CodeType, _: int) -> None:
        begun[code] += 1

    def at_signal(*_: Any) -> None:
        if monitoring.get_tool(tool) is None:
            monitoring.use_tool_id(tool, "poterne")
            monitoring.register_callback(tool, events.INSTRUCTION, instruction)
            monitoring.register_callback(tool, events.PY_START, start)
            monitoring.register_callback(tool, events.PY_RESUME, start)
            monitoring.set_events(tool, events.INSTRUCTION | events.PY_START | events.PY_RESUME)
            return
        monitoring.set_events(tool, 0)
        found = [[_place(code), n, begun[code]] for code, n in executed.most_common()]
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(found))
        partial.replace(file)

    signal.signal(signal.SIGUSR2, at_signal)


def _place(code: CodeType) -> str:
    file = code.co_filename
    for root in ("site-packages/", f"lib/python3.{sys.version_info.minor}/", f"{ROOT}/"):
        file = file.rpartition(root)[2]
    return f"{file}:{code.co_firstlineno} {code.co_qualname}"
