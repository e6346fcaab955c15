"""A journal that takes no record is told at once, also when the disk that it shares with the alerts is full."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway_addons.adapters.alerts.outbox import Outbox
from gateway_addons.adapters.journal.stop_marker import resume, stop
from gateway_addons.core.detection.journal_stop import BROKEN, FULL, SEEN
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.detection.journal_state import journal_stops
from gateway_addons.detection.watch import Sources, Watch, outbox_file
from gateway_addons.settings.detection import DetectionSettings
from tests.detection.test_sinks import hook, secret
from tests.journal.settings import journal_settings


@contextmanager
def watch(folder: Path, stops: dict[str, str], sinks: list[dict[str, Any]] | None = None) -> Iterator[Watch]:
    async def nothing_is_away() -> Mapping[str, str]:
        return {}

    rules = {"version_schema": 1, "sinks": sinks or [{"kind": "log", "name": "log"}], "rules": [{"id": "j", "kind": "journal_stopped"}]}
    sources = Sources(list, list, nothing_is_away, lambda: stops)
    watching = Watch(folder / "journal", folder / "state", DetectionSettings.model_validate(rules), sources)
    try:
        yield watching
    finally:
        watching._outbox.close()


def told(folder: Path) -> list[tuple[str, str]]:
    with closing(Outbox(outbox_file(folder / "state"))) as outbox:
        return [(str(d["severity"]), str(d["subject"])) for _, d, _ in reversed(outbox.latest())]


def test_told_when_it_stops_and_when_it_goes_on(tmp_path: Path) -> None:
    stops: dict[str, str] = {}
    full, broken = {FULL: "0 octets"}, {BROKEN: "worker-0: ..."}
    with watch(tmp_path, stops) as watching:
        for now in ({}, full, full, full | broken, broken, {}, {}):
            stops.clear()
            stops.update(now)
            watching.look()
    assert told(tmp_path) == [("critical", FULL), ("critical", BROKEN), ("info", f"{BROKEN}, rétabli")]


def test_a_journal_that_cannot_be_read_does_not_end_the_watch(tmp_path: Path) -> None:
    async def nothing_is_away() -> Mapping[str, str]:
        return {}

    def unreadable() -> list[Any]:
        raise JournalUnavailable("operator: line 3 was altered")

    rules = {"version_schema": 1, "sinks": [{"kind": "log", "name": "log"}], "rules": [
        {"id": "j", "kind": "journal_stopped"}, {"id": "e", "kind": "expiry_ahead"}]}
    sources = Sources(unreadable, unreadable, nothing_is_away, lambda: {BROKEN: "operator"})
    watching = Watch(tmp_path / "journal", tmp_path / "state", DetectionSettings.model_validate(rules), sources)
    watching.look()
    watching._outbox.close()
    assert told(tmp_path) == [("critical", BROKEN)]


def test_what_the_workers_say_counts_where_nothing_is_seen_from_outside(tmp_path: Path) -> None:
    stops: dict[str, str] = {}
    with watch(tmp_path, stops) as watching:
        stops[FULL] = "0 octets"
        watching._hear("no room")
        watching.look()
        stops.clear()
        watching._hear("no room")  # they look later: there is room already
        watching.look()
        watching._hear(None)
        watching._hear("the disk did not take it")
        watching._hear("the disk did not take it")
        watching.look()
        stops[BROKEN] = "worker-0: ..."
        watching.look()
    assert told(tmp_path) == [("critical", FULL), ("info", f"{FULL}, rétabli"), ("critical", SEEN), ("critical", BROKEN)]


def test_seen_from_outside(tmp_path: Path) -> None:
    settings = journal_settings(tmp_path / "journal", reserve_bytes=0)
    assert list(journal_stops(settings)) == [BROKEN], "no folder at all"
    settings.folder.mkdir()
    assert journal_stops(settings) == {}
    stop(settings.folder, "a chain is not what was written")
    assert "a chain is not what was written" in journal_stops(settings)[BROKEN]
    resume(settings.folder)
    assert journal_stops(settings) == {}
    assert list(journal_stops(settings.model_copy(update={"reserve_bytes": 1 << 60}))) == [FULL]


async def test_a_full_disk_does_not_keep_the_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An outbox that takes nothing: the alert goes straight to the sinks, once, and later to the outbox."""
    posted: list[dict[str, Any]] = []
    answers = [503, 204]

    async def take(request: web.Request) -> web.Response:
        posted.append(json.loads(await request.read()))
        return web.Response(status=answers.pop(0) if answers else 204)

    stops = {FULL: "0 octets"}
    async with hook(take) as port:
        sinks = [{"kind": "webhook", "name": name, "url": f"http://127.0.0.1:{port}/hook", "secret_file": str(secret(tmp_path))}
                 for name in ("soc", "rssi")]
        with watch(tmp_path, stops, sinks) as watching:
            watching._outbox._db.execute("PRAGMA query_only = 1")
            for _ in range(3):
                watching.look()
                await watching._unkept.deliver()
            assert [p["subject"] for p in posted] == [FULL] * 3, "one sink took it late, none twice"
            assert told(tmp_path) == []
            watching.keep()
            assert (tmp_path / "state" / "detection" / "state.json").exists(), "no alert waits any more"
            stops.clear()
            answers += [503, 503]
            (tmp_path / "state" / "detection" / "state.json").unlink()
            watching.look()
            await watching._unkept.deliver()
            watching.keep()
            assert not (tmp_path / "state" / "detection" / "state.json").exists(), "a crash reads it again"
            watching._outbox._db.execute("PRAGMA query_only = 0")
            await watching._unkept.deliver()
            assert told(tmp_path) == [("info", f"{FULL}, rétabli")]
    assert "alert_not_kept" in capsys.readouterr().out
