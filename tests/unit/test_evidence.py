"""What each room observes: address, identifier, certificate, rights."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.core.errors import Refusal
from gateway_addons.core.evidence.address import address_facts
from gateway_addons.core.evidence.certificate import ABSENT, PresentedCertificate, certificate_facts
from gateway_addons.core.evidence.identifier import identifier_facts
from gateway_addons.core.evidence.rights import rights_facts
from gateway_addons.core.facts import Perimeter
from gateway_addons.core.path import Link, links_of
from tests.fuzz.mutation import mutate
from tests.support import pki

ROUTES, _ = load_routes([Path(__file__).resolve().parents[2] / "config/apis/infinoe.yaml"])
NOW = datetime.now(UTC)

ADDRESSES: list[tuple[str | None, str | None, str | None]] = [
    ("192.0.2.20", "192.0.2.20", None), ("::ffff:192.0.2.20", "192.0.2.20", None), ("2001:DB8::1", "2001:db8::1", None),
    ("fe80::1%eth0", "fe80::1", None), ("::1", "::1", None), (None, None, "absent"), ("", None, "absent"),
    ("localhost", None, "malformed"), ("192.0.2.020", None, "malformed"), ("192.0.2.1, 10.0.0.1", None, "malformed"),
]


@pytest.mark.parametrize(("peer", "source", "failure"), ADDRESSES)
def test_address(peer: str | None, source: str | None, failure: str | None) -> None:
    facts = address_facts(peer)
    assert (facts.source, facts.failure) == (source, failure)


IDENTIFIERS: list[tuple[tuple[str, ...], str | None, str | None]] = [
    (("TS-INFINOE-0042",), "TS-INFINOE-0042", None), ((), None, "absent"), (("TS-1", "TS-1"), None, "duplicate"),
    (("",), None, "malformed"), (("TS-1,TS-2",), None, "malformed"), (("TS 1",), None, "malformed"), (("a" * 65,), None, "malformed"),
    (("TS-1\n",), None, "malformed"), (("-TS",), None, "malformed"), (("TS-1, TS-1",), None, "malformed"), ((" TS-1",), None, "malformed"),
    (("TS-1 ",), None, "malformed"), (("TS-1;TS-2",), None, "malformed"), (('"TS-1"',), None, "malformed"), (("TS-\u0661",), None, "malformed"),
    (("\uff34S-1",), None, "malformed"), (("TS-1\0",), None, "malformed"), (("TS\t1",), None, "malformed"), (("TS",), None, "malformed"),
    (("a" * 64,), "a" * 64, None), (("ts-infinoe-0042",), "ts-infinoe-0042", None), (("TS-1", ""), None, "duplicate"), (("", "TS-1"), None, "duplicate"),
    (("TS-1", "TS-2"), None, "duplicate"),
]


@pytest.mark.parametrize(("values", "value", "failure"), IDENTIFIERS)
def test_identifier(values: tuple[str, ...], value: str | None, failure: str | None) -> None:
    facts = identifier_facts(values)
    assert (facts.value, facts.failure) == (value, failure)


class Lists:
    def __init__(self, status: str = "good") -> None:
        self._status = status

    async def prepare(self, links: Sequence[Link], now: datetime) -> None:
        raise NotImplementedError

    def status(self, link: Link, now: datetime) -> str:
        return self._status


def presented(authority: pki.Authority, leaf: pki.Issued, failure: str | None = None) -> PresentedCertificate:
    return PresentedCertificate(leaf.der, failure, links_of((leaf.certificate, authority.me.certificate)))


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.root("AC")


def test_no_certificate() -> None:
    assert certificate_facts(None, Lists(), NOW) == ABSENT


def test_garbage_is_no_certificate() -> None:
    facts = certificate_facts(PresentedCertificate(b"garbage", None), Lists(), NOW)
    assert (facts.verified, facts.failure) == (False, "chain")


@pytest.mark.parametrize("bent", range(120))
def test_bytes_that_are_nearly_a_certificate_are_none_and_no_fault(authority: pki.Authority, bent: int) -> None:
    """Found by fuzzing: the library raises several kinds of exception, some of them in the middle of a certificate."""
    der = authority.issue("x").der
    chance = Random(bent)
    facts = certificate_facts(PresentedCertificate(mutate(der, der, chance), None), Lists(), NOW)
    assert (facts.presented, facts.verified) == (True, False)


def test_a_failed_handshake_stays_failed(authority: pki.Authority) -> None:
    facts = certificate_facts(presented(authority, authority.issue("x"), "revoked"), Lists(), NOW)
    assert (facts.verified, facts.failure) == (False, "revoked")


BENT: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "good": ({}, "good", None),
    "expired since the handshake": ({"end": pki.NOW - pki.DAY, "begin": pki.NOW - 2 * pki.DAY}, "good", "expired"),
    "not yet valid": ({"begin": pki.NOW + pki.DAY}, "good", "not_yet_valid"),
    "revoked since the handshake": ({}, "revoked", "revoked"),
    "revocation unknown": ({}, "unknown", "revocation_unknown"),
    "no clientAuth": ({"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "good", "usage"),
    "no extended key usage": ({"usages": ()}, "good", "usage"),
    "no digitalSignature": ({"digital_signature": False}, "good", "usage"),
}


@pytest.mark.parametrize("row", list(BENT))
def test_certificate_now(authority: pki.Authority, row: str) -> None:
    bend, status, failure = BENT[row]
    facts = certificate_facts(presented(authority, authority.issue("x", **bend)), Lists(status), NOW)
    assert (facts.verified, facts.failure) == (failure is None, failure)


NUMBERS: list[tuple[dict[str, Any], tuple[str | None, str | None]]] = [
    ({"unit": "0002 13099990700012"}, ("130999907", "13099990700012")), ({"unit": "0002 130999907"}, ("130999907", None)),
    ({"organization_identifier": "NTRFR-130999907"}, ("130999907", None)),
    ({"organization_identifier": "NTRFR-130999907", "unit": "0002 13099990700012"}, ("130999907", "13099990700012")),
    ({"organization_identifier": "SI:FR-130999907"}, ("130999907", None)),
    ({"organization_identifier": "NTRFR-13099990", "unit": "0002 13099990700012"}, (None, None)),
    ({"organization_identifier": "NTRFR-130999907", "unit": "0002 1309999070001"}, (None, None)),
    ({"organization_identifier": "NTRFR-\u0661\u0663\u0660\u0669\u0669\u0669\u0669\u0660\u0667"}, (None, None)),
    ({"organization_identifier": "VATFR-130999907", "unit": "0002 13099990700012"}, ("130999907", "13099990700012")),
    ({"organization_identifier": "NTRFR-732829320", "unit": "0002 13099990700012"}, (None, None)),
    ({"unit": "0001 13099990700012"}, (None, None)), ({"unit": "0002 1309999070001"}, (None, None)),
    ({"organization_identifier": "NTRDE-130999907"}, (None, None)), ({"unit": "x0002 13099990700012"}, (None, None)), ({}, (None, None)),
]


@pytest.mark.parametrize(("names", "expected"), NUMBERS)
def test_siren_and_siret(authority: pki.Authority, names: dict[str, Any], expected: tuple[str | None, str | None]) -> None:
    facts = certificate_facts(presented(authority, authority.issue("x", **names)), Lists(), NOW)
    assert (facts.siren, facts.siret) == expected


LOT: dict[str, Any] = {
    "organisme": {"siret": "13099990700012"}, "budget": {"type": "BP", "code": "01"}, "exercice": 2026, "periode": "2026-03",
    "flux": "comptable", "ecritures": [{"identifiant": "A"}, {"identifiant": "B"}]}
BASE = Perimeter("comptable", "creer", "13099990700012", "BP/01", 2026, "2026-03")


def lot(**bend: Any) -> dict[str, Any]:
    return {k: v for k, v in (LOT | bend).items() if v is not ...}


FAILURES: list[tuple[str, dict[str, Any], str]] = [
    ("no organisme", lot(organisme=...), "siret_invalid"), ("siret a number", lot(organisme={"siret": 13099990700012}), "siret_invalid"),
    ("siret short", lot(organisme={"siret": "1"}), "siret_invalid"), ("siret in Arabic digits", lot(organisme={"siret": "١" * 14}), "siret_invalid"),
    ("siret a list", lot(organisme={"siret": ["13099990700012"]}), "siret_invalid"), ("organisme a list", lot(organisme=[]), "siret_invalid"),
    ("no budget", lot(budget=...), "budget_invalid"), ("budget of another type", lot(budget={"type": "XX", "code": "01"}), "budget_invalid"),
    ("budget code with a slash", lot(budget={"type": "BP", "code": "0/1"}), "budget_invalid"),
    ("exercice a text", lot(exercice="2026"), "exercice_invalid"), ("exercice true", lot(exercice=True), "exercice_invalid"),
    ("exercice with a fraction", lot(exercice=2026.0), "exercice_invalid"), ("exercice null", lot(exercice=None), "exercice_invalid"),
    ("periode 14", lot(periode="2026-14"), "periode_invalid"), ("periode without year", lot(periode="03"), "periode_invalid"),
    ("flux of another path", lot(flux="budgetaire"), "flux_mismatch"), ("no flux", lot(flux=...), "flux_mismatch"),
    ("no entries", lot(ecritures=...), "body_unreadable"), ("entries no list", lot(ecritures={}), "body_unreadable"),
    ("an entry that is no object", lot(ecritures=[1]), "body_unreadable"),
    ("one entry's siret malformed", lot(ecritures=[{}, {"organisme": {"siret": "x"}}]), "siret_invalid"),
    ("one entry's periode null", lot(ecritures=[{}, {"periode": None}]), "periode_invalid"),
]


@pytest.mark.parametrize(("document", "failure"), [pytest.param(d, f, id=name) for name, d, f in FAILURES])
def test_rights_that_cannot_be_established(document: dict[str, Any], failure: str) -> None:
    facts = rights_facts(ROUTES.find("POST", "/infinoe/v1/ecritures/comptables"), json.dumps(document).encode())
    assert (facts.established, facts.failure, facts.perimeters) == (False, failure, ())


def test_body_missing() -> None:
    assert rights_facts(ROUTES.find("POST", "/infinoe/v1/ecritures/comptables"), b"").failure == "body_missing"


def test_every_entry_counts() -> None:
    entries = [{}, {"periode": "2026-04"}, {"budget": {"type": "SACD", "code": "07"}}, {"exercice": 2025, "periode": "2025-12"},
               {"organisme": {"siret": "73282932000074"}}, {}]
    facts = rights_facts(ROUTES.find("POST", "/infinoe/v1/ecritures/comptables"), json.dumps(lot(ecritures=entries)).encode())
    assert facts.entries == 6
    assert set(facts.perimeters) == {
        BASE, Perimeter("comptable", "creer", "13099990700012", "BP/01", 2026, "2026-04"),
        Perimeter("comptable", "creer", "13099990700012", "SACD/07", 2026, "2026-03"),
        Perimeter("comptable", "creer", "13099990700012", "BP/01", 2025, "2025-12"),
        Perimeter("comptable", "creer", "73282932000074", "BP/01", 2026, "2026-03")}


def test_too_many_perimeters() -> None:
    entries = [{"budget": {"type": "BP", "code": str(n)}} for n in range(1001)]
    facts = rights_facts(ROUTES.find("POST", "/infinoe/v1/ecritures/comptables"), json.dumps(lot(ecritures=entries)).encode())
    assert facts.failure == "too_many_perimeters"


def test_other_shapes() -> None:
    entry = {"organisme": {"siret": "13099990700012"}, "budget": {"type": "BP", "code": "01"}, "exercice": 2026, "periode": "2026-03"}
    facts = rights_facts(ROUTES.find("DELETE", "/infinoe/v1/ecritures/comptables/A.1"), json.dumps(entry).encode())
    assert facts.perimeters == (Perimeter("comptable", "supprimer", "13099990700012", "BP/01", 2026, "2026-03"),)
    codes = {"organisme": {"siret": "13099990700012"}, "exercice": 2026, "codes": [{}]}
    facts = rights_facts(ROUTES.find("PUT", "/infinoe/v1/referentiels/nomenc"), json.dumps(codes).encode())
    assert facts.perimeters == (Perimeter("referentiel", "modifier", "13099990700012", None, 2026, None),)
    assert rights_facts(ROUTES.find("GET", "/infinoe/v1/etatSante"), b"").required is False


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/infinoe/v1/ecritures/comptables/A1", "INF-REQ-10"), ("POST", "/infinoe/v1/ecritures/comptables/A1", "INF-REQ-10"),
    ("POST", "/infinoe/v1/ecritures/autres", "INF-REQ-09"), ("PUT", "/infinoe/v1/ecritures/comptables/a/b", "INF-REQ-09"),
    ("PUT", "/infinoe/v1/ecritures/comptables/" + "a" * 65, "INF-REQ-09"),
])
def test_no_route(method: str, path: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        ROUTES.find(method, path)
    assert refused.value.code == code
