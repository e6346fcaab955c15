"""What a call's record says, and which of its fields its end fills: a conclusion in the journal holds no other."""

from datetime import UTC, datetime
from typing import Any

from gateway_addons.core.decision import CONTROLS
from gateway_addons.core.journal.record import OUTCOME, call_record, concluded
from gateway_addons.core.pipeline import Progress


def announced() -> dict[str, Any]:
    return call_record(request_id="r", correlation_id="c", environment="production", received_at=datetime(2026, 3, 31, tzinfo=UTC),
                       peer="192.0.2.1", method="POST", path="/ecritures", progress=Progress(), body_sha256="ab")


def test_an_end_fills_its_own_fields_and_no_other() -> None:
    before = announced()
    whole = concluded(before, status=201, code="INF-GEN-02", receipt="A-1", forwarded=True, duration_ms=12, detail="d")
    assert [name for name in whole if name not in before or before[name] != whole[name]] == list(OUTCOME)
    assert list(whole) == list(before)


def test_every_control_has_its_verdict() -> None:
    controls = announced()["controles"]
    assert list(controls) == ["certificat", "ip", "identifiant", "identite", "convention", "droits"]
    assert len(controls) == len(CONTROLS)
    assert set(controls.values()) == {"non_evalue"}
