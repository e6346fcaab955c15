"""The flow of a call is the engine's, made without the engine's `__init__`: it must not lack anything, whatever version is pinned."""

from mitmproxy import connection, http
from mitmproxy.options import Options
from mitmproxy.proxy.context import Context

from gateway_addons.addons.http_stream import flow_of


def test_a_flow_has_what_the_engines_own_has() -> None:
    of = Context(connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0), Options())
    request = http.Request.make("GET", "http://backend/")
    engines = http.HTTPFlow(of.client, of.server, live=True)
    engines.request = request
    own, other = flow_of(request, of), flow_of(request, of)
    differs = {name for name, value in vars(engines).items() if vars(own).get(name, "absent") != value}
    assert vars(own).keys() == vars(engines).keys()
    assert differs == {"id", "timestamp_created"}
    assert own.id != other.id
    assert own.metadata is not other.metadata
