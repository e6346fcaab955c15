"""Forks gateways that are meant to be killed: the real engine, gate and journal on a TLS socket, each in a process of its own.

`python -m tests.crash.nursery JOURNAL SCRATCH BACKEND_PORT`: for each line on standard input one gateway, which tells its
process, port and client files as JSON on standard output. Everything is imported once, so that a gateway serves at once.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.admin.json_log import configure_logging
from tests.journal.settings import journal_settings
from tests.support import rig as rigs


class OutsideBackend(rigs.RecordingBackend):
    """The backend lives in the test's process: it is not killed with the gateway."""

    outside = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, self.outside if name == "port" else value)


async def serve(journal_folder: Path, scratch: Path) -> None:
    journal = JournalWriter(journal_settings(journal_folder, segment_max_bytes=1 << 17), "worker-0")
    journal.open()
    rigs.FakeJournal = lambda: journal  # type: ignore[misc,assignment]
    rigs.RecordingBackend = OutsideBackend  # type: ignore[misc]
    async with rigs.running_rig(scratch) as rig:
        told = {"pid": os.getpid(), "port": rig.port, "ca": str(rig.server_ca), "cert": str(rig.good[0]), "key": str(rig.good[1])}
        os.write(1, json.dumps(told).encode() + b"\n")
        await asyncio.sleep(60)


def main() -> None:
    configure_logging(worker="crash")  # to standard error: standard output is for the test
    journal, scratch, OutsideBackend.outside = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    for number, _ in enumerate(sys.stdin):
        if (child := os.fork()) == 0:
            folder = scratch / str(number)
            folder.mkdir()
            asyncio.run(serve(journal, folder))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
