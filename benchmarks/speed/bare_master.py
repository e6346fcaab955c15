"""Poterne's own engine with nothing to decide: TLS with a client certificate, strict HTTP, one hook that lets all pass.

python -m benchmarks.speed.bare_master --config FILE --port N
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from mitmproxy import http
from prometheus_client import CollectorRegistry

from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.addons.answer import last_resort
from gateway_addons.addons.listener import GateMaster
from gateway_addons.addons.session import ADMITTED, RELEASED, Admission, Entry, Release
from gateway_addons.addons.trust_trace import TrustTrace
from gateway_addons.listener_trust import CurrentTls
from gateway_addons.settings.gateway import load
from gateway_addons.worker.environment import address_of


class Open:
    """Lets every call pass."""

    async def request(self, flow: http.HTTPFlow) -> None:
        """To the backend."""
        flow.metadata[ADMITTED] = Admission()

    async def response(self, flow: http.HTTPFlow) -> None:
        """And back."""
        flow.metadata[RELEASED] = Release()


def _note(kind: str, about: Mapping[str, str]) -> None:
    """There is no journal here."""


async def serve(config: Path, port: int) -> None:
    """Serve production until the process is ended."""
    settings = load(config)
    own = settings.environments["production"]
    trust = TrustFiles(own.clients)
    _, apis = load_routes(settings.apis)
    entry = Entry(
        environment="production",
        backend=address_of(own.backend.url),
        tls_context=CurrentTls("production", own, trust, TrustTrace(CollectorRegistry(), _note)),
        limits=settings.limits,
        max_body_bytes=max(api.max_body_bytes for api in apis),
        answer_timeout_s=10,
        max_answer_bytes=1 << 26,
        last_resort=last_resort,
    )
    addons: list[Any] = [Open()]
    master = GateMaster({"production": entry}, addons, lambda: 0)
    master.listen([f"poterne:production@127.0.0.1:{port}"])
    await master.run()


def main(config: Annotated[Path, typer.Option()], port: Annotated[int, typer.Option()]) -> None:
    """Serve."""
    uvloop.run(serve(config, port))


if __name__ == "__main__":
    typer.run(main)
