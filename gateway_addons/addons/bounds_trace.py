"""What the operator sees of the bounds over all connections: connections refused, and bytes of bodies held."""

from prometheus_client import CollectorRegistry, Gauge

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end
from gateway_addons.core.bounds import BodyBudget, ConnectionCounts


def show_bounds(registry: CollectorRegistry, connections: ConnectionCounts, bodies: BodyBudget) -> None:
    """Read when metrics are asked for; nothing on the path of a call."""
    refused = Gauge("poterne_refused_connections", "Connections refused since the start: too many, in all or of one address.",
                    registry=registry)
    refused.set_function(lambda: connections.refused)
    held = Gauge("poterne_buffered_body_bytes", "Bytes of request bodies that are held now.", registry=registry)
    held.set_function(lambda: bodies.held_bytes)
