"""A call that is over is freed at once. One that referred to itself would wait for the collector, whose pauses others feel."""

import gc
import types
from pathlib import Path

from mitmproxy import http

from gateway_addons.addons.call import Call
from gateway_addons.addons.http_stream import GateHttpStream
from tests.support.rig import read_answer, request, running_rig

CALLS = 50


async def test_a_call_leaves_nothing_for_the_collector(tmp_path: Path) -> None:
    async with running_rig(tmp_path) as rig:
        reader, writer = await rig.connect()
        gc.collect()
        gc.disable()
        try:
            for _ in range(CALLS):
                writer.write(request())
                assert (await read_answer(reader)).startswith(b"HTTP/1.1 201 ")
            left = [o for o in gc.get_objects() if isinstance(o, Call | http.HTTPFlow | http.Response | GateHttpStream)]
            kept = [f"{type(o).__name__} held by {_holders(o)}" for o in left]
        finally:
            gc.enable()
        assert len(left) < CALLS, f"{len(left)} objects of {CALLS} calls are left, such as {kept[-1]}"
        writer.close()


def _holders(thing: object) -> list[str]:
    return sorted({type(one).__name__ for one in gc.get_referrers(thing) if not isinstance(one, types.FrameType)})
