"""The outbox: what was put is there after a crash, goes to each sink once it takes it, and is never tried in a storm."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_addons.adapters.alerts.dispatch import Dispatch, open_sinks
from gateway_addons.adapters.alerts.outbox import Outbox
from gateway_addons.adapters.alerts.sink import SinkFailed
from gateway_addons.core.detection.alert import Alert
from gateway_addons.settings.detection import load_detection
from gateway_addons.settings.values import SettingsError
from tests.detection.records import T0

ROOT = Path(__file__).resolve().parents[2]


def alert(rule: str = "r") -> Alert:
    return Alert(rule=rule, kind="clock_jump", severity="warning", at=T0, subject="s", message="m")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "o.sqlite")) as box:
        yield box


@dataclass
class FakeSink:
    working: bool = True
    taken: list[str] = field(default_factory=list)
    tried: int = 0

    async def send(self, alert_id: str, alert: Mapping[str, Any]) -> None:
        self.tried += 1
        if not self.working:
            raise SinkFailed("away")
        self.taken.append(alert_id)


async def test_a_failing_sink_does_not_keep_the_others_waiting(outbox: Outbox) -> None:
    good, bad = FakeSink(), FakeSink(working=False)
    ids = [outbox.put(alert(), ["good", "bad"], 0) for _ in range(3)]
    assert await Dispatch(outbox, {"good": good, "bad": bad}, 1e12).deliver_due() == 3
    assert good.taken == ids
    assert bad.tried == 1, "after the first failure the rest waits for the next round"


async def test_every_alert_arrives_once_the_sink_is_back_also_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("gateway_addons.adapters.alerts.dispatch.time.time", lambda: now)
    outbox, sink = Outbox(tmp_path / "o.sqlite"), FakeSink(working=False)
    ids = {outbox.put(alert(), ["s"], now) for _ in range(5)}
    for _ in range(10):
        await Dispatch(outbox, {"s": sink}, 1e12).deliver_due()
        now += 700
    outbox.close()
    sink.working = True
    now += 700
    with closing(Outbox(tmp_path / "o.sqlite")) as again:
        await Dispatch(again, {"s": sink}, 1e12).deliver_due()
        assert set(sink.taken) == ids
        assert again.counts() == {"delivered": 5}


def test_waits_grow_and_are_bounded(outbox: Outbox) -> None:
    outbox.put(alert(), ["s"], 0)
    now, waits = 0.0, []
    for _ in range(15):
        (due,) = outbox.due(now)
        outbox.failed(due, "away", now, 1e12)
        wait = next(w for w in range(1, 700) if outbox.due(now + w))
        waits.append(wait)
        now += wait
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 600


def test_given_up_after_the_bound_and_tried_again_when_asked(outbox: Outbox) -> None:
    alert_id = outbox.put(alert(), ["s"], 0)
    assert outbox.failed(outbox.due(0)[0], "away", 0, 100) is False
    assert outbox.failed(outbox.due(200)[0], "away", 200, 100) is True
    assert outbox.due(1e9) == []
    assert [d.state for d in outbox.deliveries(alert_id)] == ["abandoned"]
    assert outbox.retry(300) == 1
    assert len(outbox.due(300)) == 1


async def test_a_sink_that_was_taken_out_of_the_configuration_is_a_failure_not_a_success(outbox: Outbox) -> None:
    alert_id = outbox.put(alert(), ["gone"], 0)
    assert await Dispatch(outbox, {}, 1e12).deliver_due() == 0
    assert outbox.deliveries(alert_id)[0].state == "pending"


def test_old_alerts_are_forgotten_but_not_those_that_a_sink_is_owed(outbox: Outbox) -> None:
    outbox.put(alert("owed"), ["s"], 0)
    outbox.put(alert("none"), [], 0)
    assert outbox.forget_before("2027-01-01T00:00:00Z") == 1
    assert [d["rule"] for _, d, _ in outbox.latest()] == ["owed"]


# --- the file ---

GOOD = {"version_schema": 1, "sinks": [{"kind": "log", "name": "log"}], "rules": [{"id": "r", "kind": "clock_jump"}]}


@pytest.mark.parametrize(("name", "bend"), [
    ("unknown key", {"surprise": 1}),
    ("unknown kind of sink", {"sinks": [{"kind": "pigeon", "name": "p"}]}),
    ("two sinks of one name", {"sinks": [{"kind": "log", "name": "a"}, {"kind": "log", "name": "a"}]}),
    ("two rules of one id", {"rules": [{"id": "r", "kind": "clock_jump"}] * 2}),
    ("a sink that is not there", {"rules": [{"id": "r", "kind": "clock_jump", "sinks": ["x"]}]}),
    ("a webhook in the clear to elsewhere", {"sinks": [{"kind": "webhook", "name": "w", "url": "http://192.0.2.1/", "secret_file": "s"}]}),
    ("a host that only begins like this machine's", {"sinks": [{"kind": "webhook", "name": "w", "url": "http://localhost.example/", "secret_file": "s"}]}),
    ("a password in the clear", {"sinks": [{"kind": "mail", "name": "m", "host": "h", "port": 25, "security": "none", "sender": "a@b",
                                            "recipients": ["c@d"], "user": "u", "password_file": "p"}]}),
])
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, name: str, bend: dict[str, Any]) -> None:
    file = tmp_path / "detection.yaml"
    file.write_text(yaml.safe_dump(GOOD | bend))
    with pytest.raises(SettingsError, match=str(file)):
        load_detection(file)


def test_the_projects_own_file_is_good() -> None:
    settings = load_detection(ROOT / "config" / "detection.yaml")
    assert {r.kind for r in settings.rules} == {
        "repeated_refusals", "mismatched_identities", "new_network", "unusual_volume", "clock_jump", "expiry_ahead",
        "incident_clock", "journal_event", "journal_stopped", "gateway_health"}
    assert set(open_sinks(settings.sinks)) == {"journal-systeme"}
