"""The gate of the tests in a process of its own, for the floods: prints where it listens, and ends with its input."""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from gateway_addons.admin.json_log import configure_logging
from gateway_addons.settings.listener import Limits
from tests.support.rig import running_rig

LIMITS = Limits(head_timeout_s=5, body_timeout_s=10, idle_timeout_s=10, handshake_timeout_s=5, send_timeout_s=5)
"""Shorter than the defaults, so that a run of seconds sees its bounds."""


async def main(folder: Path) -> None:
    """Run until standard input ends."""
    configure_logging(logging.CRITICAL)
    async with running_rig(folder, limits=LIMITS) as rig:
        sys.stdout.write(json.dumps({"port": rig.port, "certificate": str(rig.good[0]), "key": str(rig.good[1]),
                                     "authority": str(rig.server_ca)}) + "\n")
        sys.stdout.flush()
        forget = asyncio.create_task(_forget(rig.journal.records, rig.journal.announced, rig.policy.asked, rig.backend.received))
        await asyncio.to_thread(sys.stdin.read)
        forget.cancel()


async def _forget(*kept: list[Any]) -> None:
    """The fakes of the tests keep everything; a gateway does not."""
    while True:
        await asyncio.sleep(0.2)
        for items in kept:
            items.clear()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
