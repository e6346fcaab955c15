"""Personal data in the journal: masked is gone; a pseudonym keeps what policy compares, and nothing else."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.core.journal.masking import Masking, Pseudonyms
from tests.support.rig import request, running_rig

P = Pseudonyms(bytes(range(32)))
OTHER = Pseudonyms(bytes(32))
RECORD: dict[str, Any] = {
    "requestId": "r", "ip": "192.0.2.20", "acteur": {"type": "robot", "client_id": "anfm-prod"},
    "entree": {"address": {"source": "192.0.2.20", "peer": "2001:db8::1", "failure": None, "via": ["198.51.100.7"]},
               "identity": {"client_id": "anfm-prod", "scopes": ["a"]}, "certificate": {"subject": "CN=Jeanne", "issuer": "CN=AC", "siren": "1"},
               "call": {"path": "/x", "request_id": "r"}}}


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_and_its_networks_move_together(address: ipaddress.IPv4Address, length: int) -> None:
    network = ipaddress.ip_network((address, length), strict=False)
    assert ipaddress.ip_address(P.address(str(address))) in ipaddress.ip_network(P.network(str(network)))


@settings(deadline=None)
@given(st.ip_addresses(v=6), st.ip_addresses(v=6), st.integers(0, 128))
def test_whoever_is_outside_stays_outside(inside: ipaddress.IPv6Address, other: ipaddress.IPv6Address, length: int) -> None:
    network = ipaddress.ip_network((inside, length), strict=False)
    moved = ipaddress.ip_network(P.network(str(network)))
    assert (ipaddress.ip_address(P.address(str(other))) in moved) == (other in network)


@settings(deadline=None)
@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_the_common_prefix_is_as_long_as_before(one: ipaddress.IPv4Address, two: ipaddress.IPv4Address) -> None:
    before = (int(one) ^ int(two)).bit_length()
    after = (int(ipaddress.ip_address(P.address(str(one)))) ^ int(ipaddress.ip_address(P.address(str(two))))).bit_length()
    assert before == after


def test_pseudonyms_depend_on_the_key_and_hide_the_value() -> None:
    assert P.address("192.0.2.20") not in {"192.0.2.20", OTHER.address("192.0.2.20")}
    assert P.text("a") == P.text("a") != P.text("b")
    assert P.text("a") != OTHER.text("a")
    assert P.address("not an address").startswith("hmac:")
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(b"short")


def test_clear_is_the_same_record() -> None:
    assert Masking().record(RECORD) is RECORD


def test_masked_is_gone() -> None:
    masking = Masking(ip="mask", client_id="mask", subject="mask")
    told = masking.record(RECORD)
    text = json.dumps(told)
    for secret in ("192.0.2.20", "2001:db8::1", "198.51.100.7", "anfm-prod", "Jeanne"):
        assert secret not in text
    assert told["ip"] == "192.0.2.0/24"
    assert told["entree"]["address"]["peer"] == "2001:db8::/48"
    assert told["entree"]["identity"] == {"client_id": None, "scopes": ["a"]}
    assert not masking.replayable
    assert RECORD["ip"] == "192.0.2.20"


def test_a_pseudonym_is_the_same_wherever_the_value_stands() -> None:
    masking = Masking("pseudonym", "pseudonym", "pseudonym", P)
    told = masking.record(RECORD)
    text = json.dumps(told)
    for secret in ("192.0.2.20", "2001:db8::1", "198.51.100.7", "anfm-prod", "Jeanne"):
        assert secret not in text
    assert told["ip"] == told["entree"]["address"]["source"] == P.address("192.0.2.20")
    assert told["acteur"]["client_id"] == told["entree"]["identity"]["client_id"] == P.text("anfm-prod")
    assert told["entree"]["call"] == RECORD["entree"]["call"]
    assert told["entree"]["certificate"]["issuer"] == "CN=AC"
    assert masking.replayable
    assert told["masquage"] == {"ip": "pseudonym", "client_id": "pseudonym", "subject": "pseudonym", "cle": P.id}


def test_pseudonyms_need_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Masking(ip="pseudonym")


@pytest.mark.parametrize("record", [{}, {"ip": None}, {"acteur": None, "entree": None}, {"ip": "nonsense", "acteur": {"type": "lot"}}])
def test_what_is_not_there_stays_away(record: dict[str, Any]) -> None:
    for masking in (Masking("mask", "mask", "mask"), Masking("pseudonym", "pseudonym", "pseudonym", P)):
        assert set(masking.record(record)) == {"ip", "masquage", *record}


async def test_the_gate_writes_and_logs_only_what_was_masked(tmp_path: Path) -> None:
    async with running_rig(tmp_path) as rig:
        rig.gate.records.masking = Masking(ip="pseudonym", client_id="pseudonym", subject="mask", pseudonyms=P)
        assert (await rig.send(request())).startswith(b"HTTP/1.1 201")
        told = [*rig.journal.announced, *rig.journal.records]
    assert len(told) == 2
    for record in told:
        assert record["ip"] == record["entree"]["address"]["source"] == P.address("127.0.0.1")
        assert record["acteur"]["client_id"] == P.text("essai")
        assert record["entree"]["certificate"]["subject"] is None
        assert "127.0.0.1" not in json.dumps(record)
