"""Detection on a real journal: new records become alerts, once, also across a restart; a process of its own ends when told."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from gateway_addons.adapters.alerts.outbox import Outbox
from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.follow import Follower
from gateway_addons.core.detection.expiry import Ending
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.incident.statistics import RunningClock
from gateway_addons.detection.gateway_window import GATEWAY, away
from gateway_addons.detection.watch import UNREADABLE, Sources, Watch, alone, outbox_file
from gateway_addons.settings.detection import DetectionSettings
from gateway_addons.settings.values import Listen
from tests.support.servers import free_port
from tests.support.settings_file import write_settings

ROOT = Path(__file__).resolve().parents[2]
RULES = {"version_schema": 1, "sinks": [{"kind": "log", "name": "log"}], "rules": [
    {"id": "m", "kind": "mismatched_identities", "quiet_s": 0}, {"id": "e", "kind": "expiry_ahead", "days": [7]},
    {"id": "c", "kind": "incident_clock", "clock": "cnil", "hours": [24]},
    {"id": "a", "kind": "journal_event", "events": ["switch.*", "appel.interrompu", "journal.reprise"]},
    {"id": "h", "kind": "gateway_health", "for_s": 0}]}


@contextmanager
def chain(folder: Path, writer: str = "worker-0") -> Iterator[Chain]:
    opened = Chain(folder / writer)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


def call(number: int, at: datetime | None = None, code: str = "INF-IDC-01") -> dict[str, Any]:
    return {"type": "appel", "horodatage": rfc3339(at or datetime.now(UTC)), "requestId": f"r-{number}", "environnement": "production",
            "convention": "C1", "ip": "192.0.2.1", "certificat": f"sha256:{number}", "codeErreur": code, "motifs": [], "controles": {}}


def watch(folder: Path, endings: list[Ending] | None = None, clocks: list[RunningClock] | None = None) -> Watch:
    async def nothing_is_away() -> Mapping[str, str]:
        return {}

    sources = Sources(lambda: endings or [], lambda: clocks or [], nothing_is_away)
    return Watch(folder / "journal", folder / "state", DetectionSettings.model_validate(RULES), sources)


def told(folder: Path) -> list[tuple[str, list[str]]]:
    with closing(Outbox(outbox_file(folder / "state"))) as outbox:
        return sorted((str(d["rule"]), list(d["evidence"])) for _, d, _ in outbox.latest())


def looked(watching: Watch, times: int = 2) -> None:
    for _ in range(times):
        watching.look()
    watching.keep()
    watching._outbox.close()


def test_new_records_become_alerts_once_across_restarts(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1))
        looked(watch(tmp_path))
        looked(watch(tmp_path))
        journal.append(call(2))
        looked(watch(tmp_path))
    assert told(tmp_path) == [("m", ["r-1"]), ("m", ["r-2"])]


def test_a_crash_before_the_position_is_kept_repeats_and_does_not_lose(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1))
        crashed = watch(tmp_path)
        crashed.keep = lambda: None  # type: ignore[method-assign]
        crashed.look()
        crashed._outbox.close()
        looked(watch(tmp_path))
    assert told(tmp_path) == [("m", ["r-1"]), ("m", ["r-1"])]


def test_on_a_first_start_the_past_teaches_and_does_not_alert(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1, datetime.now(UTC) - timedelta(days=2)))
        journal.append(call(2))
        looked(watch(tmp_path))
    assert told(tmp_path) == [("m", ["r-2"])]


def test_a_call_that_was_announced_before_a_restart_is_whole_after_it(tmp_path: Path) -> None:
    announced, rest = call(1), {"codeErreur", "motifs"}
    with chain(tmp_path / "journal") as journal:
        journal.append({k: v for k, v in announced.items() if k not in rest} | {"type": "annonce"})
        looked(watch(tmp_path))
        journal.append({"type": "conclusion", "horodatage": rfc3339(datetime.now(UTC)), "requestId": "r-1", "annonce": 2,
                        "codeErreur": "INF-IDC-01", "motifs": []})
        looked(watch(tmp_path))
    with closing(Outbox(outbox_file(tmp_path / "state"))) as outbox:
        ((_, document, _),) = outbox.latest()
    assert document["subject"] == "sha256:1", "the certificate is in the announcement only"


def test_acts_and_crashes_are_told(tmp_path: Path) -> None:
    record_act(tmp_path / "journal", act_now("switch.cut", "rssi", "vol", {"convention": "C1"}))
    record_act(tmp_path / "journal", act_now("incident.open", "rssi", "vol", {"incident": "INC-2026-0001"}))
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1) | {"type": "annonce", "codeErreur": None})
        journal.append({"type": "conclusion", "horodatage": rfc3339(datetime.now(UTC)), "requestId": "r-1", "annonce": 2, "interrompu": True})
    with (next((tmp_path / "journal" / "worker-0").glob("*.jsonl"))).open("ab") as file:
        file.write(b'{"seq":')
    with chain(tmp_path / "journal"):
        looked(watch(tmp_path))
    with closing(Outbox(outbox_file(tmp_path / "state"))) as outbox:
        subjects = sorted(str(d["subject"]).split()[0] for _, d, _ in outbox.latest())
    assert subjects == ["appel.interrompu", "journal.reprise", "switch.cut"]


def test_all_writers_and_segments_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    follower = Follower(folder)
    for round_ in range(3):
        for number in range(2):
            small = Chain(folder / f"worker-{number}", segment_bytes=2000)
            small.open()
            for i in range(10):
                small.append(call(100 * round_ + 10 * number + i))
            small.close()
        seen = [r.fields["requestId"] for r in follower.read(1000)]
        assert sorted(seen) == sorted(f"r-{100 * round_ + 10 * n + i}" for n in range(2) for i in range(10))
    assert len(list((folder / "worker-0").iterdir())) > 2, "the test is about several segments"


def test_a_journal_that_was_bent_is_told_once(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1))
        journal.append(call(2))
    (file,) = (tmp_path / "journal" / "worker-0").glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"requestId":"r-2"', b'"requestId":"r-3"'))
    looked(watch(tmp_path), times=5)
    assert told(tmp_path) == [(UNREADABLE, []), ("m", ["r-1"])]


def test_what_ends_and_what_runs_is_looked_at(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ends = Ending("x", "Certificat", date.today() + timedelta(days=3), "4-C1")
    clock = RunningClock("INC-2026-0001", "cnil", now - timedelta(hours=30), now + timedelta(hours=42))
    looked(watch(tmp_path, [ends], [clock]))
    looked(watch(tmp_path, [ends], [clock]))
    assert [rule for rule, _ in told(tmp_path)] == ["c", "e"]


def test_a_kept_state_that_is_damaged_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "state" / "detection" / "state.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    with pytest.raises(ValueError, match="move it away"):
        watch(tmp_path)


def test_one_detection_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(RuntimeError, match="another detection"), alone(tmp_path):
        pass


async def test_running_it_delivers_and_ends_when_cancelled(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        task = asyncio.create_task(watch(tmp_path).run())
        journal.append(call(1))
        async with asyncio.timeout(10):
            while not _delivered(tmp_path):
                await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def _delivered(folder: Path) -> int:
    with closing(Outbox(outbox_file(folder / "state"))) as outbox:
        return outbox.counts().get("delivered", 0)


def test_the_process(tmp_path: Path) -> None:
    """`poterne detection run` as an operator starts it: it tells its log, and ends at SIGTERM with its position kept."""
    rules = tmp_path / "detection.yaml"
    rules.write_text(yaml.safe_dump(RULES))
    config = write_settings(tmp_path, detection={"file": "detection.yaml"})
    command = [sys.executable, "-m", "gateway_addons", "detection", "run", "--config", str(config)]
    with chain(tmp_path / "journal") as journal, subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT) as process:
        try:
            journal.append(call(1))
            deadline = time.monotonic() + 30
            while not (outbox_file(tmp_path / "state").exists() and _delivered(tmp_path)) and time.monotonic() < deadline:
                time.sleep(0.1)
            os.kill(process.pid, signal.SIGTERM)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, errors.decode()
    alerts = [line for line in map(json.loads, errors.decode().splitlines()) if line.get("event") == "alert"]
    assert "r-1" in {e for a in alerts for e in a["alert"]["evidence"]}, errors.decode()
    assert (tmp_path / "state" / "detection" / "state.json").exists()


def test_a_line_that_is_not_whole_yet_waits(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1))
        (file,) = (tmp_path / "journal" / "worker-0").glob("*.jsonl")
        follower = Follower(tmp_path / "journal")
        assert len(follower.read(10)) == 1
        whole = file.read_bytes()
        journal.append(call(2))
        both = file.read_bytes()
        for cut in range(len(whole) + 1, len(both)):
            file.write_bytes(both[:cut])
            assert follower.read(10) == []
        file.write_bytes(both)
        assert [r.fields["requestId"] for r in follower.read(10)] == ["r-2"]


def test_a_bad_line_is_an_error_again_and_again(tmp_path: Path) -> None:
    with chain(tmp_path / "journal") as journal:
        journal.append(call(1))
    (file,) = (tmp_path / "journal" / "worker-0").glob("*.jsonl")
    file.write_bytes(b"{}\n")
    follower = Follower(tmp_path / "journal")
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            follower.read(10)


# --- the gateway's health ---


async def answered(document: Any, status: int = 503) -> Mapping[str, str]:
    async def show(_: web.Request) -> web.Response:
        return web.json_response(document, status=status)

    app = web.Application()
    app.router.add_get("/health/ready", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        return await away(Listen(host="127.0.0.1", port=runner.addresses[0][1]))
    finally:
        await runner.cleanup()


async def test_what_the_window_says_is_away() -> None:
    assert await answered({"status": "ready", "dependencies": {}}, 200) == {}
    assert await answered({"status": "not ready", "dependencies": {"opa": {"up": False, "last_error": "refused"}, "redis": {"up": True}}}) == {
        "opa": "refused"}
    assert list(await answered({"status": "not ready", "dependencies": {}})) == [GATEWAY]
    assert list(await answered([])) == [GATEWAY]
    assert list(await away(Listen(host="127.0.0.1", port=free_port()))) == [GATEWAY]
