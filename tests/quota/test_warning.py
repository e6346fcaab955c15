"""Warnings at 80 %, in the answer and in the metrics; the record says which window was charged."""

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway_addons.addons.answer import rate_limit_headers
from gateway_addons.addons.quota_trace import QuotaTrace
from gateway_addons.core.journal.record import _quota
from gateway_addons.core.ports import QuotaCharge
from tests.quota.watching import to_charge

OF_C = {"environment": "production", "contract": "C"}


@pytest.mark.parametrize(("remaining", "item"), [
    (41, '"appels";r=41;t=60'), (40, '"appels";r=40;t=60;poterne-warning'), (0, '"appels";r=0;t=60;poterne-warning'),
])
def test_header(remaining: int, item: str) -> None:
    headers = rate_limit_headers(QuotaCharge(True, 200, 60, remaining, 59.2, 0.0), 0.8)
    assert headers == {"RateLimit-Policy": '"appels";q=200;w=60', "RateLimit": item}


def test_refused_is_told_when_the_next_place_and_when_all_of_them_are_free() -> None:
    headers = rate_limit_headers(QuotaCharge(False, 200, 60, 0, 58.1, 3.000001), 0.8)
    assert headers["Retry-After"] == "4"
    assert headers["RateLimit"] == '"appels";r=0;t=59;poterne-warning'


def test_metrics_and_one_log_for_each_rise() -> None:
    registry = CollectorRegistry()
    trace = QuotaTrace(registry, 0.8)
    with capture_logs() as logs:
        for remaining in (5, 2, 1, 0, 5, 2):
            trace.charged(to_charge(10), QuotaCharge(True, 10, 60, remaining, 60))
    assert [e["event"] for e in logs] == ["quota_warning"] * 2
    assert registry.get_sample_value("poterne_quota_warnings_total", OF_C) == 2
    assert registry.get_sample_value("poterne_quota_used_ratio", OF_C) == 0.8
    assert registry.get_sample_value("poterne_quota_charges_total", OF_C | {"verdict": "accepted", "window": "redis"}) == 6


def test_one_alert_for_each_failure_of_redis() -> None:
    registry = CollectorRegistry()
    trace = QuotaTrace(registry, 0.8)
    with capture_logs() as logs:
        for _ in range(2):
            trace.failed("Redis: TimeoutError", "local")
            trace.failed("Redis: TimeoutError", "local")
            assert registry.get_sample_value("poterne_quota_degraded") == 1
            trace.recovered()
            assert registry.get_sample_value("poterne_quota_degraded") == 0
    assert [e["event"] for e in logs] == ["quota_degraded", "quota_recovered"] * 2
    assert registry.get_sample_value("poterne_quota_failures_total", {"choice": "local"}) == 4


def test_the_record_says_which_window_was_charged() -> None:
    progress: Any = SimpleNamespace(charge=QuotaCharge(True, 50, 60, 3, 60, at_us=7, source="local"))
    assert _quota(progress) == {"accepte": True, "limite": 50, "restant": 3, "fenetre": "locale", "instant_us": 7}
