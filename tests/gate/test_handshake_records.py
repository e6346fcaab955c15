"""A refused handshake leaves a trace that names the certificate and the reason, and nobody can fill the journal with it."""

import contextlib
import ssl

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway_addons.addons.brake import AddressBrake
from gateway_addons.addons.trust_trace import NOTES_A_MINUTE, named
from gateway_addons.core.brake import Caller
from gateway_addons.core.errors import JournalUnavailable, Refusal
from gateway_addons.core.journal.masking import Masking
from gateway_addons.settings.brake import Brake
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


async def test_the_log_tells_no_more_of_an_address_than_the_journal(rig: Rig) -> None:
    rig.trace._masking = rig.trust_trace.masking = Masking(ip="mask", subject="mask")
    with capture_logs() as logged:
        await knock(rig, rig.authority.issue("expire", begin=pki.NOW - 9 * pki.DAY, end=pki.NOW - pki.DAY))
        rig.trace.connection_refused("production", "127.0.0.1", "not one of the balancers")
    assert {line["event"] for line in logged} >= {"handshake_refused", "certificate_refused", "connection_refused"}
    assert {line["ip"] for line in logged if "ip" in line} == {"127.0.0.0/24"}
    assert "127.0.0.1" not in str(logged)


@pytest.mark.parametrize(("address", "told"), [("192.0.2.9", "address 192.0.2.0/24"), ("2001:db8:42:1::/64", "address 2001:db8:42::/48")])
def test_nor_does_the_brake(address: str, told: str) -> None:
    brake = AddressBrake(Brake(failures_per_minute=60, burst=1), CollectorRegistry(), clock=lambda: 0.0, masking=Masking(ip="mask"))
    caller = Caller(address, None)
    with capture_logs() as logged:
        for _ in range(10):
            brake._count("call", caller)
    assert [line["who"] for line in logged] == [told]
    with pytest.raises(Refusal) as refused:
        brake.check_caller(caller)
    assert refused.value.detail == f"braked: {told}"
