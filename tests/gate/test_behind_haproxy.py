"""A real haproxy in front, which passes TLS through and says by the PROXY protocol, version 1 or 2, from where."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.setup import haproxy
from deploy.setup.layout import Layout
from deploy.setup.progress import SetupError
from gateway_addons.settings.address import ProxyProtocol
from tests.support.rig import ROOT, Rig, read_answer, request, running_rig
from tests.support.servers import await_port, free_port


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return haproxy.ensure(Layout(ROOT))
    except SetupError as e:
        pytest.skip(f"no haproxy here, and Debian's package cannot be had: {e}")


@contextmanager
def balancer(program: Path, folder: Path, backend_port: int, send: str) -> Iterator[int]:
    """A running haproxy; the port that it listens on."""
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(
        "global\n  maxconn 50\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n"
        f"listen gateway\n  bind 127.0.0.1:{port}\n  server g 127.0.0.1:{backend_port} {send} check inter 500ms\n", encoding="ascii")
    with subprocess.Popen([str(program), "-db", "-f", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            await_port(port, process)
            yield port
        finally:
            process.kill()


async def call(rig: Rig, port: int, source: str) -> bytes:
    """One call through the balancer, from an address of the loopback network."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=rig.client(rig.good), server_hostname="localhost", local_addr=(source, 0))
        try:
            writer.write(request())
            return await read_answer(reader)
        finally:
            writer.transport.abort()


@pytest.mark.parametrize(("send", "told_by"), [("send-proxy", "proxy_v1"), ("send-proxy-v2", "proxy_v2"),
                                               ("send-proxy-v2 proxy-v2-options crc32c,unique-id", "proxy_v2")])
async def test_the_source_is_the_balancers_client(program: Path, tmp_path: Path, send: str, told_by: str) -> None:
    settings = ProxyProtocol(trusted=("127.0.0.1/32",))
    async with running_rig(tmp_path, proxy_protocol=settings) as rig:
        with balancer(program, tmp_path, rig.port, send) as port:
            for source in ("127.0.0.7", "127.0.0.8"):
                assert (await call(rig, port, source)).startswith(b"HTTP/1.1 201 ")
            facts = [e.address for e in rig.policy.asked]
            assert [(f.source, f.peer, f.told_by) for f in facts] == [("127.0.0.7", "127.0.0.1", told_by), ("127.0.0.8", "127.0.0.1", told_by)]
        with pytest.raises((ConnectionError, EOFError, OSError)):
            await call(rig, rig.port, "127.0.0.7")  # beside the balancer


async def test_a_balancer_that_sends_no_header_is_refused(program: Path, tmp_path: Path) -> None:
    async with running_rig(tmp_path, proxy_protocol=ProxyProtocol(trusted=("127.0.0.1/32",))) as rig:
        with balancer(program, tmp_path, rig.port, "") as port, pytest.raises((ConnectionError, EOFError, OSError)):
            await call(rig, port, "127.0.0.7")
        assert rig.policy.asked == []
