"""From contracts to OPA's data: each identity leads to one contract."""

from typing import Any

import pytest

from gateway_addons.core.contract.compile import ContractConflict, compile_contracts
from gateway_addons.core.contract.model import Contract
from tests.policy.variants import changed


def contract(name: str, change: dict[str, Any]) -> Contract:
    return Contract.model_validate(changed(name, change))


@pytest.mark.parametrize(("change", "index"), [
    ({"convention.id": "CONV-a"}, "by_id"),
    ({"acces.certificats.0.sujet": "CN=a"}, "certificates"),
    ({"acces.identifiants_techniques": ["TS-b", "TS-a"]}, "identifiers"),
    ({"acces.clients_oauth2.0.client_id": "client-a"}, "clients"),
])
def test_two_contracts_that_claim_one_identity(change: dict[str, Any], index: str) -> None:
    with pytest.raises(ContractConflict, match=rf"b\.yaml and a\.yaml .*{index}"):
        compile_contracts([("a.yaml", contract("a", {})), ("b.yaml", contract("b", change))])


def test_two_contracts_that_claim_one_fingerprint() -> None:
    pin = {"acces.certificats.0.empreinte_sha256": "ef" * 32}
    with pytest.raises(ContractConflict, match="certificates"):
        compile_contracts([("a.yaml", contract("a", pin)), ("b.yaml", contract("b", pin))])


def test_two_contracts_that_claim_one_public_key() -> None:
    same = {"acces.certificats.0.cle_publique_sha256": "ef" * 32}
    with pytest.raises(ContractConflict, match="certificates"):
        compile_contracts([("a.yaml", contract("a", same)), ("b.yaml", contract("b", same))])


def test_fingerprint_or_public_key_not_both() -> None:
    with pytest.raises(ValueError, match="not both"):
        contract("a", {"acces.certificats.0.cle_publique_sha256": "ef" * 32, "acces.certificats.0.empreinte_sha256": "ef" * 32})


@pytest.mark.parametrize(("written", "kept"), [
    ("CN=a,C=FR", "CN=a,C=FR"), ("CN=a\\, b,C=FR", "CN=a\\, b,C=FR"), ("CN=\\61,C=FR", "CN=a,C=FR"), ("2.5.4.97=NTRFR-130999907,CN=a", "2.5.4.97=NTRFR-130999907,CN=a"),
])
def test_a_name_is_kept_as_the_gateway_writes_it(written: str, kept: str) -> None:
    assert contract("a", {"acces.certificats.0.sujet": written}).acces.certificats[0].sujet == kept


@pytest.mark.parametrize("written", ["a", "CN", "CN=a,", "CN=a;C=FR", "=a", "CN=a\\zz"])
def test_a_name_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="RFC 4514"):
        contract("a", {"acces.certificats.0.sujet": written})


@pytest.mark.parametrize("written", ["CN=a|b", "CN=a\\7cb"])
def test_an_issuer_with_a_bar_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"\||pattern"):
        contract("a", {"acces.certificats.0.emetteur": written})


def test_environments_do_not_conflict() -> None:
    sandbox = {"convention.environnement": "bac_a_sable"}
    data = compile_contracts([("a.yaml", contract("a", {})), ("b.yaml", contract("a", sandbox))])
    assert [list(data[e]["by_id"]) for e in ("production", "sandbox")] == [["CONV-a"], ["CONV-a"]]


@pytest.mark.parametrize(("pin", "index", "leads"), [
    ({"acces.certificats.0.empreinte_sha256": "ef" * 32}, "by_fingerprint",
     {"ef" * 32: {"contract": "CONV-a", "key": f"sha256:{'ef' * 32}"}}),
    ({"acces.certificats.0.cle_publique_sha256": "ab" * 32}, "by_public_key",
     {"ab" * 32: {"contract": "CONV-a", "key": f"spki:{'ab' * 32}"}}),
    ({"acces.certificats.0.emetteur": "CN=ca"}, "by_names", {"CN=ca": {"CN=a": {"contract": "CONV-a", "key": "dn:CN=ca|CN=a"}}}),
])
def test_every_look_up_leads_to_the_contract(pin: dict[str, Any], index: str, leads: dict[str, Any]) -> None:
    place = compile_contracts([("a.yaml", contract("a", pin))])["production"]
    assert {name: place[name] for name in ("by_fingerprint", "by_public_key", "by_names") if place[name]} == {index: leads}
    assert list(place["by_id"]["CONV-a"]["certificates"]) == [entry["key"] for entry in _entries(leads)]
    assert place["identifiers"] == {"TS-a": "CONV-a"}
    assert place["clients"] == {"client-a": "CONV-a"}


def _entries(index: dict[str, Any]) -> list[dict[str, str]]:
    return [entry for found in index.values() for entry in ([found] if "key" in found else found.values())]


def test_certificates_of_one_issuer_lead_each_to_its_own_contract() -> None:
    same = {"acces.certificats.0.emetteur": "CN=ca"}
    place = compile_contracts([("a.yaml", contract("a", same)), ("b.yaml", contract("b", same))])["production"]
    assert {subject: entry["contract"] for subject, entry in place["by_names"]["CN=ca"].items()} == {
        "CN=a": "CONV-a", "CN=b": "CONV-b"}


def test_a_renewed_certificate_keeps_all_its_registrations() -> None:
    names = {"sujet": "CN=a", "emetteur": "CN=ca"}
    two = [names | {"du": "2026-01-01", "au": "2026-06-30"}, names | {"du": "2026-07-01", "au": "2026-12-31"}]
    data = compile_contracts([("a.yaml", contract("a", {"acces.certificats": two}))])
    assert [r["to"] for r in data["production"]["by_id"]["CONV-a"]["certificates"]["dn:CN=ca|CN=a"]] == [
        "2026-06-30", "2026-12-31"]


def test_an_issuer_cannot_hold_the_mark_that_separates_it_from_the_subject() -> None:
    with pytest.raises(ValueError, match="emetteur"):
        contract("a", {"acces.certificats.0.emetteur": "CN=ca|CN=x"})


def test_limits_besides_the_quota() -> None:
    limits = [{"flux": "comptable", "operation": "creer", "appels_par_minute": 20, "octets_par_minute": 1_000_000},
              {"octets_par_minute": 5_000_000}]
    data = compile_contracts([("a.yaml", contract("a", {"volumetrie.limites": limits}))])
    assert data["production"]["by_id"]["CONV-a"]["quota"] == {"key": "production:CONV-a", "limit": 200, "window_s": 60, "extra": [
        {"name": "comptable.creer.calls", "limit": 20, "window_s": 60, "unit": "calls", "flux": "comptable", "operation": "creer"},
        {"name": "comptable.creer.bytes", "limit": 1_000_000, "window_s": 60, "unit": "bytes", "flux": "comptable",
         "operation": "creer"},
        {"name": "*.*.bytes", "limit": 5_000_000, "window_s": 60, "unit": "bytes", "flux": None, "operation": None}]}


@pytest.mark.parametrize("limits", [
    [{"flux": "comptable"}], [{"appels_par_minute": 0}], [{"appels_par_minute": 5}, {"octets_par_minute": 5}]])
def test_limits_that_say_nothing_or_twice(limits: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="limite"):
        contract("a", {"volumetrie.limites": limits})


@pytest.mark.parametrize(("change", "opens"), [
    ({"cgu.acceptee_le": "2026-11-20T10:00:00+01:00"}, "2026-11-20T09:00:00.000000Z"),
    ({"rgpd.formalites_accomplies.le": "2026-11-20"}, "2026-11-19T23:00:00.000000Z"),
    ({"rgpd.formalites_accomplies.le": "2026-07-01"}, "2026-06-30T22:00:00.000000Z"),
    ({"rgpd.formalites_accomplies.le": "2026-11-20", "cgu.acceptee_le": "2026-11-20T00:00:01+01:00"}, "2026-11-19T23:00:01.000000Z"),
    ({"datapass.validee_le": None, "cgu.acceptee_le": None}, None),
])
def test_a_contract_opens_with_the_last_of_its_decisions(change: dict[str, Any], opens: str | None) -> None:
    data = compile_contracts([("a.yaml", contract("a", change))])
    assert data["production"]["by_id"]["CONV-a"]["opens"] == opens


@pytest.mark.parametrize(("end", "due"), [
    ("2026-12-31", "2026-09-30"), ("2027-05-31", "2027-02-28"), ("2028-05-31", "2028-02-29"), ("2027-06-15", "2027-03-15")])
def test_by_when_the_next_attestation_is_due(end: str, due: str) -> None:
    data = compile_contracts([("a.yaml", contract("a", {"securite.homologation.valide_au": end}))])
    assert data["production"]["by_id"]["CONV-a"]["security"]["attestations"][0]["renewal_due"] == due


ATTESTED = "securite.homologation."


@pytest.mark.parametrize(("change", "since"), [
    ({ATTESTED + "prononcee_le": "2026-03-03"}, "2026-03-03"),
    ({ATTESTED + "recu_le": "2026-03-04"}, "2026-03-04"),
    ({ATTESTED + "valide_du": "2026-03-05"}, "2026-03-05"),
    ({ATTESTED + "recu_le": None}, None),
])
def test_an_attestation_counts_since_the_last_of_its_days(change: dict[str, Any], since: str | None) -> None:
    days = {ATTESTED + name: "2026-03-01" for name in ("prononcee_le", "recu_le", "valide_du")}
    data = compile_contracts([("a.yaml", contract("a", days | change))])
    assert data["production"]["by_id"]["CONV-a"]["security"]["attestations"][0]["since"] == since


def test_what_a_right_does_not_have_is_null_and_a_text_without_end_ends_never() -> None:
    data = compile_contracts([("a.yaml", contract("a", {"cadre_juridique.textes.0.applicable_au": None}))])
    rights = data["production"]["by_id"]["CONV-a"]["rights"]
    without = next(right for right in rights if right["flux"] == "referentiel")
    assert (without["budgets"], without["months"]) == ([None], [None])
    assert all(None not in right["budgets"] + right["exercices"] + right["months"] for right in rights if right is not without)
    assert {right["text"]["to"] for right in rights} == {"9999-12-31"}
