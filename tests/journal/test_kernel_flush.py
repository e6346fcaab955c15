"""Flushes that the kernel does by itself; and where it does not, a thread does them, and the journal says so."""

import asyncio
import errno
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway_addons.adapters.journal import kernel_aio
from gateway_addons.adapters.journal.disk_thread import ThreadFlush
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.kernel_flush import KernelFlush
from gateway_addons.core.errors import JournalUnavailable
from tests.journal.settings import journal_settings
from tests.journal.test_journal_writer import ROOT, call


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def kernel(tmp_path: Path) -> KernelFlush:
    with (tmp_path / "tried").open("wb") as file:
        try:
            return KernelFlush.tried(file.fileno())
        except OSError as e:
            pytest.skip(f"this kernel does not flush by itself, or not for us: {e}")


def journal_of(folder: Path, **settings: Any) -> JournalWriter:
    return JournalWriter(journal_settings(folder, **settings), "worker-0")


async def flushed(kernel: KernelFlush, fd: int) -> Exception | None:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[Exception | None] = loop.create_future()
    kernel.begin(fd, loop, over.set_result)
    return await asyncio.wait_for(over, 10)


async def test_flush_after_flush(tmp_path: Path, kernel: KernelFlush) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        for n in range(20):
            file.write(b"x" * n)
            assert await flushed(kernel, file.fileno()) is None
    kernel.close()
    with pytest.raises(RuntimeError):
        kernel.begin(0, asyncio.get_running_loop(), print)


def test_a_loop_that_ended_is_followed_by_another(tmp_path: Path, kernel: KernelFlush) -> None:
    with (tmp_path / "file").open("wb") as file:
        for _ in range(2):
            assert asyncio.run(flushed(kernel, file.fileno())) is None
    kernel.close()


async def test_a_flush_that_fails_says_with_what(tmp_path: Path, kernel: KernelFlush, monkeypatch: pytest.MonkeyPatch) -> None:
    def getevents(*args: int | None) -> int:
        kernel._aio._event.result = -errno.EIO
        return 1

    monkeypatch.setattr(kernel._aio, "_getevents", getevents)
    with (tmp_path / "file").open("wb") as file:
        error = await flushed(kernel, file.fileno())
    assert isinstance(error, OSError)
    assert error.errno == errno.EIO


async def test_a_flush_that_is_over_without_a_result_failed(tmp_path: Path, kernel: KernelFlush, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel._aio, "_getevents", lambda *args: 0)
    with (tmp_path / "file").open("wb") as file:
        assert isinstance(await flushed(kernel, file.fileno()), OSError)


async def test_the_end_waits_for_the_flush_on_its_way(tmp_path: Path, kernel: KernelFlush) -> None:
    loop, over = asyncio.get_running_loop(), list[Exception | None]()
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"x" * (16 << 20))
        kernel.begin(file.fileno(), loop, over.append)
    kernel.close()
    assert over == []
    await asyncio.sleep(0)
    assert over == [None]


async def test_a_flush_that_cannot_be_begun_stops_every_exchange(tmp_path: Path, kernel: KernelFlush, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.close()
    journal = journal_of(tmp_path)
    journal.open()
    monkeypatch.setattr(journal._flushes, "_fd", lambda: -1)
    for name in ("a", "b"):
        with pytest.raises(JournalUnavailable):
            await journal.announce(call(name))
    journal.close()


async def test_full_segments_are_closed_behind_their_flush(tmp_path: Path, kernel: KernelFlush) -> None:
    kernel.close()
    journal = journal_of(tmp_path, segment_max_bytes=1 << 16)
    journal.open()
    await journal.announce(call("first"))
    before = descriptors()

    async def one(lane: int) -> None:
        for n in range(60):
            await journal.announce(call(f"{lane}-{n}", chemin="x" * 1000))

    await asyncio.gather(*map(one, range(8)))
    await asyncio.wrap_future(journal._flushes.behind(lambda: None))
    assert len(list((tmp_path / "worker-0").glob("*.jsonl"))) > 3
    assert descriptors() == before
    journal.close()


async def test_what_comes_behind_a_flush_waits_for_it(tmp_path: Path, kernel: KernelFlush) -> None:
    kernel.close()
    journal = journal_of(tmp_path)
    journal.open()
    task = asyncio.create_task(journal.announce(call("a")))
    await asyncio.sleep(0)
    done = journal._flushes.behind(lambda: None)
    assert journal._flushes._behind, "it waits, as the loop has not been told of the flush's end"
    await task
    await asyncio.wait_for(asyncio.wrap_future(done), 10)
    journal.close()


def test_the_journal_says_who_flushes(tmp_path: Path, kernel: KernelFlush) -> None:
    kernel.close()
    with capture_logs() as logs:
        journal = journal_of(tmp_path)
        journal.open()
        journal.close()
    assert [(log["by"], "why" in log) for log in logs if log["event"] == "journal_flushes"] == [("kernel", False)]
    assert isinstance(journal._flushes.way, KernelFlush)


@pytest.mark.parametrize("refused", [
    lambda patch: patch.setattr(platform, "machine", lambda: "riscv64"),
    lambda patch: patch.setattr(kernel_aio, "NUMBERS", {platform.machine(): kernel_aio.Numbers(9999, 9999, 9999, 9999)}),
    lambda patch: patch.setattr(kernel_aio, "IOCB_CMD_FDSYNC", 99),
], ids=["a machine that is not known", "a kernel without it", "a file that cannot be flushed so"])
def test_where_the_kernel_does_not_a_thread_flushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    refused: Callable[[pytest.MonkeyPatch], None]) -> None:
    refused(monkeypatch)
    journal = journal_of(tmp_path)
    before = descriptors()
    with capture_logs() as logs:
        journal.open()
        asyncio.run(journal.announce(call("a")))
        journal.close()
    ((by, why),) = [(log["by"], log["why"]) for log in logs if log["event"] == "journal_flushes"]
    assert by == "thread"
    assert why
    assert isinstance(journal._flushes.way, ThreadFlush)
    assert descriptors() == before


def test_a_file_without_a_flush_is_refused_and_leaves_nothing(kernel: KernelFlush) -> None:
    kernel.close()
    ends = os.pipe()
    before = descriptors()
    with pytest.raises(OSError, match="Invalid argument"):
        KernelFlush.tried(ends[1])
    assert descriptors() == before
    for fd in ends:
        os.close(fd)


FILTERED = """
import asyncio, ctypes, struct, sys
from pathlib import Path
from typing import Any
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.kernel_aio import NUMBERS
from tests.journal.settings import journal_settings
import platform
number = NUMBERS[platform.machine()].setup
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]  # seccomp(2): EPERM for io_setup
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
filter = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS"
assert libc.prctl(22, 2, ctypes.c_char_p(filter)) == 0, "PR_SET_SECCOMP"
journal = JournalWriter(journal_settings(Path(sys.argv[1])), "worker-0")
journal.open()
asyncio.run(journal.announce({"requestId": "a", "horodatage": "2026-03-31T16:04:11Z"}))
journal.close()
"""


def test_where_seccomp_refuses_it_a_thread_flushes(tmp_path: Path, kernel: KernelFlush) -> None:
    kernel.close()
    done = subprocess.run([sys.executable, "-c", FILTERED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "by=thread" in done.stdout
    assert "Operation not permitted" in done.stdout
