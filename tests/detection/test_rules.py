"""Each rule of detection: what makes it speak, and what must not."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway_addons.core.detection import networks, refusals
from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.engine import Detection
from gateway_addons.core.detection.expiry import Ending
from gateway_addons.core.detection.rules import Rule
from tests.detection.records import T0, record

RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])


def detection(**rule: Any) -> Detection:
    return Detection(RULES.validate_python([{"id": "r", "quiet_s": 0} | rule]))


def run(engine: Detection, records: list[dict[str, Any]]) -> list[Alert]:
    return [a for r in records for a in engine.observe(r, T0 + timedelta(days=400))]


# --- repeated refusals ---

REFUSALS = {"kind": "repeated_refusals", "by": "ip", "controls": ["identity"], "count": 3, "window_s": 10}


@pytest.mark.parametrize(("name", "bends", "alerts"), [
    ("as many as the count within the window", [{}, {}, {}], 1),
    ("one less", [{}, {}], 0),
    ("another control", [{"codeErreur": "INF-DRT-01"}] * 3, 0),
    ("from three addresses", [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}], 0),
    ("admitted calls", [{"codeErreur": None}] * 3, 0),
    ("six: counted anew after the alert", [{}] * 6, 2),
])
def test_repeated_refusals(name: str, bends: list[dict[str, Any]], alerts: int) -> None:
    records = [record(i, codeErreur="900901") | bend for i, bend in enumerate(bends)]
    assert len(run(detection(**REFUSALS), records)) == alerts, name


def test_refusals_spread_over_more_than_the_window_are_no_alert() -> None:
    assert run(detection(**REFUSALS), [record(i * 6, codeErreur="900901") for i in range(10)]) == []


@given(st.lists(st.integers(0, 60), max_size=40))
def test_refusals_against_a_plain_model(seconds: list[int]) -> None:
    """Alert when the last `count` refusals since the last alert lie within the window."""
    seconds.sort()
    expected = 0
    kept: list[int] = []
    for second in seconds:
        kept = [s for s in [*kept, second] if s > second - 10]
        if len(kept) >= 3:
            expected, kept = expected + 1, []
    assert len(run(detection(**REFUSALS), [record(s, codeErreur="900901") for s in seconds])) == expected


def test_the_alert_names_the_calls_that_show_it() -> None:
    (alert,) = run(detection(**REFUSALS), [record(i, codeErreur="900901") for i in range(3)])
    assert alert.evidence == ("r-0", "r-1", "r-2")
    assert alert.subject == "192.0.2.1"
    assert alert.document()["at"] == "2026-03-10T09:00:02.000000Z"


def test_subjects_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MAX_SUBJECTS", 2)
    records = [record(0, codeErreur="900901", ip=f"192.0.2.{i}") for i in range(10)]
    records += [record(1, codeErreur="900901", ip="192.0.2.1")] * 2
    assert run(detection(**REFUSALS), records) == [], "the first refusal of that address is forgotten"


def test_mismatched_identities_speak_at_once_and_read_all_reasons() -> None:
    engine = detection(kind="mismatched_identities")
    assert len(run(engine, [record(0, codeErreur="INF-IDC-01")])) == 1
    assert len(run(engine, [record(1, codeErreur="900805", motifs=[{"code": "900805"}, {"code": "INF-IDT-03"}])])) == 1
    assert run(engine, [record(2, codeErreur="900901", motifs=[{"code": "900901"}])]) == []


# --- new network ---

NETWORK = {"kind": "new_network", "min_calls": 5}


def test_a_known_certificate_from_a_new_network() -> None:
    usual = [record(i, ip=f"192.0.2.{i}") for i in range(6)]
    alerts = run(detection(**NETWORK), [*usual, record(7, ip="203.0.113.9"), record(8, ip="203.0.113.10")])
    assert [(a.subject, a.details["reseau"]) for a in alerts] == [("sha256:aa", "203.0.113.0/24")], "once, and then it is known"


def test_a_certificate_that_is_still_new_teaches_only() -> None:
    assert run(detection(**NETWORK), [record(i, ip=f"10.0.{i}.1") for i in range(5)]) == []


def test_a_certificate_that_was_not_verified_teaches_nothing() -> None:
    forged = [record(i, ip="203.0.113.9", controles={"certificat": "refuse"}) for i in range(20)]
    good = [record(20 + i) for i in range(6)]
    alerts = run(detection(**NETWORK), [*forged, *good, record(40, ip="203.0.113.9")])
    assert len(alerts) == 1


def test_what_was_learnt_survives_a_restart() -> None:
    before = detection(**NETWORK)
    run(before, [record(i) for i in range(6)])
    after = detection(**NETWORK)
    after.restore(before.state())
    assert len(run(after, [record(7, ip="203.0.113.9")])) == 1


def test_certificates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MAX_CERTIFICATES", 3)
    engine = detection(**NETWORK)
    run(engine, [record(i, certificat=f"sha256:{i}") for i in range(50)])
    assert len(engine.state()["networks"]["r"]) == 3


# --- volume ---

VOLUME = {"kind": "unusual_volume", "factor": 3, "min_calls": 10, "min_days": 3}
DAY = 86400


def day(number: int, calls: int) -> list[dict[str, Any]]:
    return [record(number * DAY + i) for i in range(calls)]


def test_four_times_the_usual_volume_of_the_hour() -> None:
    usual = [r for d in range(4) for r in day(d, 10)]
    alerts = run(detection(**VOLUME), [*usual, *day(4, 40)])
    assert [a.count for a in alerts] == [31], "told once, when it passes three times ten"


def test_without_a_history_nothing_is_unusual() -> None:
    assert run(detection(**VOLUME), [*day(0, 10), *day(1, 10), *day(2, 500)]) == []


def test_another_hour_of_the_day_has_its_own_usual() -> None:
    usual = [r for d in range(4) for r in day(d, 100)]
    elsewhere = [record(4 * DAY + 6 * 3600 + i) for i in range(40)]
    alerts = run(detection(**VOLUME), [*usual, *elsewhere])
    assert [a.count for a in alerts] == [11], "in that hour nothing is usual, and the floor of ten is passed"


def test_a_month_of_silence_is_forgotten() -> None:
    usual = [r for d in range(4) for r in day(d, 10)]
    assert run(detection(**VOLUME), [*usual, *day(60, 500)]) == []


def test_volume_survives_a_restart() -> None:
    before, after = detection(**VOLUME), detection(**VOLUME)
    run(before, [r for d in range(4) for r in day(d, 10)])
    after.restore(before.state())
    assert len(run(after, day(4, 40))) == 1


# --- clock ---

CLOCK = {"kind": "clock_jump", "back_s": 60, "ahead_s": 60}


@pytest.mark.parametrize(("name", "times", "alerts"), [
    ("in order", [0, 10, 20], 0),
    ("a call that took long comes a little late", [0, 50, 10], 0),
    ("back by more than the bound: one alert, then time goes on", [1000, 100, 110, 120], 1),
    ("back twice", [1000, 100, 110, 10], 2),
])
def test_times_that_go_back(name: str, times: list[float], alerts: int) -> None:
    assert len(run(detection(**CLOCK), [record(t) for t in times])) == alerts, name


def test_writers_have_clocks_of_their_own() -> None:
    assert run(detection(**CLOCK), [record(1000), record(0, redacteur="worker-1")]) == []


def test_a_record_from_the_future_and_the_good_ones_after_it() -> None:
    engine = detection(**CLOCK)
    now = T0 + timedelta(seconds=10)
    assert len(engine.observe(record(3600), now)) == 1
    assert engine.observe(record(5), now) == []


@pytest.mark.parametrize(("wall", "monotonic", "alerts"), [((0, 10), (0, 10), 0), ((0, 3600), (0, 10), 1), ((3600, 10), (0, 10), 1)])
def test_this_machines_clock(wall: tuple[int, int], monotonic: tuple[int, int], alerts: int) -> None:
    engine = detection(**CLOCK)
    told = [a for w, m in zip(wall, monotonic, strict=True) for a in engine.tick(T0 + timedelta(seconds=w), m)]
    assert len(told) == alerts


# --- expiry ---


def ending(on: date) -> Ending:
    return Ending("certificat sha256:aa", "Certificat client de C1", on, "4-C1")


def test_each_bound_is_told_once_also_across_a_restart() -> None:
    engine = detection(kind="expiry_ahead", days=[30, 7, 0])
    on = date(2026, 6, 30)
    told = []
    for number in range(60, -4, -1):
        alerts = engine.endings([ending(on)], T0, on - timedelta(days=number))
        told += [number] * len(alerts)
        restarted = detection(kind="expiry_ahead", days=[30, 7, 0])
        restarted.restore(engine.state())
        engine = restarted
    assert told == [30, 7, 0]


def test_what_was_renewed_is_told_anew_for_its_new_end() -> None:
    engine = detection(kind="expiry_ahead", days=[30])
    today = date(2026, 6, 1)
    assert len(engine.endings([ending(date(2026, 6, 10))], T0, today)) == 1
    assert engine.endings([ending(date(2028, 6, 10))], T0, today) == []
    assert len(engine.endings([ending(date(2028, 6, 10))], T0, date(2028, 6, 1))) == 1


# --- health ---


def test_away_is_told_once_after_a_while_and_its_return_too() -> None:
    engine = detection(kind="gateway_health", for_s=30)
    told = []
    for second in range(0, 120, 10):
        missing = {"opa": "refused"} if 20 <= second < 90 else {}
        told += [(second, a.subject, a.severity) for a in engine.health(missing, T0 + timedelta(seconds=second))]
    assert told == [(50, "opa", "warning"), (90, "opa rétabli", "info")]


def test_a_short_absence_is_no_alert() -> None:
    engine = detection(kind="gateway_health", for_s=30)
    assert [a for s in range(100) for a in engine.health({"opa": "x"} if s % 20 else {}, T0 + timedelta(seconds=s))] == []


# --- all rules ---


def test_quiet_after_an_alert_for_the_same_subject_only() -> None:
    engine = detection(kind="mismatched_identities", quiet_s=100)
    told = run(engine, [record(t, codeErreur="INF-IDC-01", certificat=c)
                        for t, c in ((0, "sha256:aa"), (50, "sha256:aa"), (50, "sha256:bb"), (101, "sha256:aa"))])
    assert [(a.subject, a.evidence) for a in told] == [("sha256:aa", ("r-0",)), ("sha256:bb", ("r-50",)), ("sha256:aa", ("r-101",))]


@pytest.mark.parametrize("wrong", [
    {"kind": "repeated_refusals"}, {"kind": "repeated_refusals", "codes": ["INF-NO-99"]}, {"kind": "magic"},
    {"kind": "new_network", "surprise": 1}, {"kind": "unusual_volume", "factor": 0.5}, {"kind": "clock_jump", "severity": "loud"},
])
def test_a_rule_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RULES.validate_python([{"id": "r"} | wrong])


def test_two_rules_of_one_name_are_refused() -> None:
    rule = {"id": "r", "kind": "clock_jump"}
    with pytest.raises(ValueError, match="same id"):
        Detection(RULES.validate_python([rule, rule]))
