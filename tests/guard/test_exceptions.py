"""An exception lets a loosened rule through for its days, by two persons, and is told in every decision that it touches."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_addons.adapters.policy.bundle import Sources, build_bundle
from gateway_addons.adapters.policy.contract_files import ContractFileError, load_contracts, load_exceptions
from gateway_addons.core.decision import Decision, read_decision
from gateway_addons.core.guard.judge import Finding
from tests.policy.calls import allowed_call
from tests.policy.opa_server import ROOT, OpaServer, opa_binary
from tests.policy.variants import write_variants

GRANTED: dict[str, Any] = {
    "id": "EXC-2026-001", "controle": "identity", "constats": ["SIREN of another body"], "environnement": "production",
    "conventions": ["CONV-one"], "motif": "essai", "auteur": "agent-1", "accordee_par": "agent-2",
    "accordee_le": date(2026, 11, 20), "expire_le": date(2026, 11, 30)}
FOUND = Finding("SIREN of another body", "identity", "production", "CONV-one", "allowed, and must be refused")


def written(folder: Path, **change: Any) -> Path:
    file = folder / "exceptions.yaml"
    file.write_text(yaml.safe_dump({"version_schema": 1, "exceptions": [GRANTED | change]}), encoding="utf-8")
    return file


@pytest.mark.parametrize(("change", "today", "builder", "covered"), [
    ({}, date(2026, 11, 20), "agent-1", True),
    ({}, date(2026, 11, 30), "agent-1", True),
    ({}, date(2026, 12, 1), "agent-1", False),
    ({}, date(2026, 11, 19), "agent-1", False),
    ({}, date(2026, 11, 20), "Agent-2", False),
    ({"conventions": []}, date(2026, 11, 20), "agent-1", True),
    ({"conventions": ["CONV-other"]}, date(2026, 11, 20), "agent-1", False),
    ({"controle": "address"}, date(2026, 11, 20), "agent-1", False),
    ({"environnement": "bac_a_sable"}, date(2026, 11, 20), "agent-1", False),
    ({"constats": ["SIREN of nobody"]}, date(2026, 11, 20), "agent-1", False),
])
def test_what_an_exception_covers(tmp_path: Path, change: dict[str, Any], today: date, builder: str, covered: bool) -> None:
    [finding] = load_exceptions(written(tmp_path, **change)).applied([FOUND], today, builder)
    assert finding.exception == ("EXC-2026-001" if covered else None)


@pytest.mark.parametrize(("change", "why"), [
    ({"accordee_par": "AGENT-1"}, "second person"), ({"expire_le": date(2026, 11, 19)}, "expire_le"),
    ({"expire_le": date(2028, 1, 1)}, "expire_le"), ({"constats": []}, "constats"), ({"controle": "quota"}, "controle"),
    ({"motif": " "}, "motif"), ({"extra": 1}, "extra"),
])
def test_an_exception_that_is_none(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(ContractFileError, match=why):
        load_exceptions(written(tmp_path, **change))


def test_it_is_told_in_every_decision_it_touches_and_closes_its_control_when_it_is_over(tmp_path: Path) -> None:
    contracts = tmp_path / "contracts"
    write_variants(contracts, {"one": {}, "other": {}})
    sources = Sources(opa_binary(), ROOT / "policies", contracts, ROOT / "config" / "readings.yaml", None, written(tmp_path))
    build_bundle(sources, tmp_path / "bundle.tar.gz")
    loaded = dict(load_contracts(contracts))
    rows = [("one", "2026-11-30T22:59:59Z", True, ["EXC-2026-001"], []),
            ("one", "2026-11-30T23:00:00Z", False, ["EXC-2026-001"], [("INF-EXC-01", "identity")]),
            ("one", "2026-11-19T22:59:59Z", False, ["EXC-2026-001"], [("INF-EXC-01", "identity")]),
            ("other", "2026-12-15T12:00:00Z", True, [], [])]
    with OpaServer(tmp_path / "bundle.tar.gz") as opa:
        for name, now, allowed, exceptions, reasons in rows:
            decision = read_decision(Decision, opa.decide(allowed_call(loaded[f"production/{name}.yaml"], now=now)))
            assert (decision.allow, decision.exceptions) == (allowed, exceptions), (name, now)
            assert [(r.code, r.control) for r in decision.reasons] == reasons


def test_the_repository_grants_none() -> None:
    assert load_exceptions(ROOT / "config" / "exceptions.yaml").data() == {"production": [], "sandbox": []}
