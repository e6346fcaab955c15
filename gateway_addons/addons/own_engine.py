"""The gate runs in its own engine only. Loaded by a stock `mitmdump -s` (or mitmweb), it ends the process and says why.

A stock engine forwards what no addon refuses, goes on when an addon fails to load, and unloads a script whose file is
edited into something broken. No addon can hold the gate's invariants there, so none tries.
"""

import os
import sys
from collections.abc import Iterator
from typing import NoReturn

from mitmproxy.addonmanager import Loader
from mitmproxy.master import Master

SAFE_OPTIONS: dict[str, object] = {
    "connection_strategy": "lazy", "http2": False, "http3": False, "websocket": False, "rawtcp": False, "keep_host_header": True,
    "validate_inbound_headers": True, "stream_large_bodies": None, "store_streamed_bodies": False, "body_size_limit": None,
}
"""What the own engine sets; every unsafe default that is left is turned off by name."""

NEEDED_ADDONS = frozenset({"core", "proxyserver", "errorcheck"})
"""Stock addons that the own engine has too."""

_HARMLESS_OPTIONS = frozenset({"scripts", "confdir", "listen_host", "listen_port", "termlog_verbosity", "flow_detail"})
"""Options that lead around nothing."""

EXIT_CODE = 78
"""EX_CONFIG of sysexits.h."""


class OwnEngine(Master):
    """What only the gateway's own engine is."""


def load(loader: Loader) -> None:
    """The hook that the engine calls first of all; every module that could be taken for an addon has it."""
    if not isinstance(loader.master, OwnEngine):
        _refuse(loader.master)


def _refuse(master: Master) -> NoReturn:
    """End the process: an exception here would be logged, and the engine would go on without the gate."""
    lines = ["poterne: this addon does not run in a stock mitmproxy, which would be an open proxy. The process ends here.",
             *(f"  in the way: {what}" for what in in_the_way(master)),
             "  do this: poterne run --config gateway.yaml (docs/engine.md says why)"]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)


def in_the_way(master: Master) -> Iterator[str]:
    """What of this engine would lead around the gate: its class, its options, its addons."""
    yield f"the engine is {type(master).__name__}, which forwards whatever no addon refuses"
    options = master.options
    for name, safe in SAFE_OPTIONS.items():
        if name in options and getattr(options, name) != safe:
            yield f"option {name}={getattr(options, name)!r} (needed: {safe!r})"
    for name in sorted(set(options.keys()) - set(SAFE_OPTIONS) - _HARMLESS_OPTIONS):
        if options.has_changed(name) and not isinstance(master, OwnEngine):  # the own engine sets nothing but its listeners
            yield f"option {name}={getattr(options, name)!r} (set here)"
    others = sorted(set(master.addons.lookup) - NEEDED_ADDONS)
    if others:
        yield f"addons {', '.join(others)}"
