"""A refused handshake leaves a trace that names the certificate and the reason, and nobody can fill the journal with it."""

import contextlib
import ssl

import pytest

from gateway_addons.addons.trust_trace import NOTES_A_MINUTE, named
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.masking import Masking
from tests.support import pki
from tests.support.rig import Rig, request


async def knock(rig: Rig, issued: pki.Issued, name: str = "refuse") -> None:
    good, rig.good = rig.good, issued.write(rig.folder, name, rig.authority.me)
    try:
        with contextlib.suppress(ssl.SSLError, ConnectionError, EOFError):
            await rig.send(request())
    finally:
        rig.good = good


async def test_the_journal_names_the_certificate_and_the_reason(rig: Rig) -> None:
    leaf = rig.authority.issue("expire", begin=pki.NOW - 9 * pki.DAY, end=pki.NOW - pki.DAY)
    await knock(rig, leaf)
    kind, about = rig.journal.notes[0]
    assert kind == "certificat.refuse"
    assert about == about | named(leaf.der, Masking()) | {"environnement": "production", "ip": "127.0.0.1", "echec": "expired", "regle": "dates"}
    assert about["serie"] == f"{leaf.certificate.serial_number:x}"
    assert "CN=expire" in about["sujet"]
    assert rig.trace.registry.get_sample_value(
        "poterne_client_certificates_refused_total", {"environment": "production", "failure": "expired", "rule": "dates"}) == 1


async def test_personal_data_is_masked_as_in_the_records_of_calls(rig: Rig) -> None:
    rig.trust_trace.masking = Masking(ip="mask", subject="mask")
    await knock(rig, rig.authority.issue("expire", begin=pki.NOW - 9 * pki.DAY, end=pki.NOW - pki.DAY))
    written = str(rig.journal.notes)
    assert "sha256:" in written
    assert "127.0.0.1" not in written
    assert "CN=expire" not in written


async def test_a_flood_of_refusals_is_counted_and_not_written(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [60_000.0]
    monkeypatch.setattr("gateway_addons.addons.trust_trace.time.time", lambda: clock[0])
    trust = rig.trust_trace
    trust.allowance.a_minute = 3
    leaf = rig.authority.issue("expire", begin=pki.NOW - 9 * pki.DAY, end=pki.NOW - pki.DAY)
    for _ in range(5):
        await knock(rig, leaf)
    assert len(rig.journal.notes) == 3
    clock[0] += 60
    await knock(rig, leaf)
    assert rig.journal.notes[-1][1]["nonConsignees"] == "2"
    assert NOTES_A_MINUTE <= 600


async def test_a_journal_that_cannot_be_written_changes_nothing(rig: Rig) -> None:
    rig.journal.conclude_failure = JournalUnavailable("full")
    await knock(rig, rig.authority.issue("expire", begin=pki.NOW - 9 * pki.DAY, end=pki.NOW - pki.DAY))
    rig.journal.conclude_failure = None
    assert (await rig.send(request())).startswith(b"HTTP/1.1 201 ")
