"""A call and its flow are the engine's, made without the engine's `__init__`: they must lack nothing, whatever version is pinned."""

from typing import Any

from mitmproxy import connection, http
from mitmproxy.options import Options
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpStream

from gateway_addons.addons.http_stream import GateHttpStream, flow_of

BUFFERS = {"request_body_buf", "response_body_buf"}
"""For what is streamed, and nothing is."""


def context() -> Context:
    return Context(connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0), Options())


def test_a_flow_has_what_the_engines_own_has() -> None:
    of = context()
    request = http.Request.make("GET", "http://backend/")
    engines = http.HTTPFlow(of.client, of.server, live=True)
    engines.request = request
    own, other = flow_of(request, of), flow_of(request, of)
    differs = {name for name, value in vars(engines).items() if vars(own).get(name, "absent") != value}
    assert vars(own).keys() == vars(engines).keys()
    assert differs == {"id", "timestamp_created"}
    assert own.id != other.id
    assert own.metadata is not other.metadata


def test_a_call_has_what_the_engines_own_has() -> None:
    nobody: Any = None
    engines, own = HttpStream(context(), 7), GateHttpStream(context(), 7, nobody, nobody)
    assert vars(engines).keys() - BUFFERS <= vars(own).keys()
    for name in ("stream_id", "_paused", "_paused_event_queue", "debug"):
        assert getattr(own, name) == getattr(engines, name)
