"""`poterne contract ...` as an operator types it: what it prints, its JSON, and with what status it ends."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.demo import pki
from gateway_addons.adapters.policy.contract_files import load_contract
from gateway_addons.commands.contract import app
from tests.policy.opa_server import ROOT
from tests.policy.variants import BASE, changed, dumped

ANFM = str(BASE)
AT = ("--at", "2026-11-23")
NEW = ("--id", "CONV-N-1", "--name", "Observatoire fictif", "--siret", "99990042600019", "--network", "192.0.2.0/28", "--network",
       "2001:db8::/64", "--identifier", "TS-N-1", "--client-id", "nouveau", "--email", "a@nouveau.example")


def run(*arguments: str, status: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def answer(*arguments: str, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status).stdout)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    names = pki.Identity("CN=a,OU=0002 13099990700012,O=A,C=FR", "CN=Essai AC Clients,O=IGC fictive,C=FR")
    return pki.make(folder, {"a": names}, "a", datetime.now(UTC)).clients["a"].certificate


def written(tmp_path: Path, change: dict[str, Any], name: str = "c") -> str:
    file = tmp_path / f"{name}.yaml"
    file.write_text(dumped(changed(name, change)), encoding="utf-8")
    return str(file)


def test_check_of_the_repository_s_contracts() -> None:
    results = answer("check", *AT)
    assert len(results) == len(list((ROOT / "config" / "contracts").glob("*/*.yaml")))
    assert not [r for r in results if r["errors"]]
    draft = next(r for r in results if r["file"].endswith("brouillon.yaml"))
    assert (draft["etat"], draft["gates"]) == ("brouillon", [])
    assert "warning" in run("check", *AT).output


@pytest.mark.parametrize(("change", "kind", "clause", "status"), [
    ({"organisme.siren": "130999908"}, "errors", "4-C4", 1), ({"cgu.acceptee_le": None}, "gates", "1-a", 1),
    ({"cgu.acceptee_le": None, "convention.etat": "brouillon"}, "gates", "1-a", 0), ({"contacts.rssi": None}, "warnings", "8-g3", 0)])
def test_check_finds_errors_gates_and_warnings(tmp_path: Path, change: dict[str, Any], kind: str, clause: str, status: int) -> None:
    file = written(tmp_path, change)
    (result,) = answer("check", file, *AT, status=status)
    found = next(f for f in result[kind] if f["clause"] == clause)
    assert found["line"] >= 1
    shown = run("check", file, *AT, status=status).output
    assert f"clause {clause}: " in shown
    assert f"c.yaml:{found['line']}" in shown


def test_check_of_a_folder_finds_what_two_contracts_claim(tmp_path: Path) -> None:
    written(tmp_path, {}, "a")
    written(tmp_path, {"acces.identifiants_techniques": ["TS-a"]}, "b")
    results = answer("check", str(tmp_path), *AT, status=1)
    assert [e["clause"] for r in results for e in r["errors"]] == ["4-C3"]


@pytest.mark.parametrize(("at", "state", "codes"), [
    ("2026-11-23", "active", []), ("2031-09-30", "active", []), ("2031-10-01", "suspendue_homologation", ["INF-SUSP-01"]),
    ("2026-02-19T12:00:00+01:00", "non_active", ["INF-SUSP-04"])])
def test_show_at_a_day(at: str, state: str, codes: list[str]) -> None:
    told = answer("show", "anfm", "--at", at)
    assert (told["state"], [r["code"] for r in told["reasons"]]) == (state, codes)
    assert len(told["rights"]) == 4
    assert state in run("show", "CONV-INFINOE-2026-0042", "--at", at).output


def test_diff_of_two_files_and_against_git(tmp_path: Path) -> None:
    other = written(tmp_path, {"droits.2.operations": ["creer", "supprimer"]}, "x")
    same = written(tmp_path, {}, "x2")
    assert next(c for c in answer("diff", same, other) if c["path"] == "droits")["kind"] == "gained"
    assert "supprimer financiere" in run("diff", same, other).output
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.example")
    for arguments in (["init", "-q"], ["add", "x.yaml"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True, timeout=30)
    assert run("diff", other).output == "no difference\n"
    written(tmp_path, {}, "x")
    assert [c["kind"] for c in answer("diff", other)] == ["lost"]


def test_due_in_a_table_and_in_json() -> None:
    items = answer("due", ANFM, *AT, "--within", "60")
    assert [i["on"] for i in items] == sorted(i["on"] for i in items)
    assert {"contract", "on", "in_days", "alert", "clause", "path", "what"} == set(items[0])
    assert next(i for i in items if i["clause"] == "8-c")["in_days"] == -34
    assert "verify the contact" in run("due", ANFM, *AT).output


@pytest.mark.parametrize(("call", "allow", "codes"), [
    (None, True, []), ("comptable:modifier", True, []), ("referentiel", True, []), ("comptable:supprimer", False, ["INF-DRT-02"]),
    ("{flux: comptable, exercice: 2040}", False, ["INF-DRT-05"]), ('{"address": "198.51.100.7"}', False, ["900805"]),
    ("{identifier: TS-X}", False, ["INF-IDT-03"]), ("{facts: {certificate.revocation: revoked}}", False, ["INF-CERT-03"]),
    ("{method: GET, path: /infinoe/v1/etatSante}", True, []),
    ("{method: DELETE, path: /infinoe/v1/ecritures/budgetaires/E-1, body: {organisme: {siret: '13099990700012'}, budget: {type: BP, "
     "code: '01'}, exercice: 2026, periode: 2026-03}}", True, []),
    ("{method: POST, path: /infinoe/v1/ecritures/comptables, body: {flux: budgetaire}}", False, ["4005"]),
])
def test_explain_asks_the_real_opa(call: str | None, allow: bool, codes: list[str]) -> None:
    arguments = ["explain", "anfm", *AT, *(["--call", call] if call else [])]
    told = answer(*arguments, status=0 if allow else 1)
    assert told["allow"] is allow
    assert [r["code"] for r in told["decision"]["reasons"]] == codes
    assert all(c["held_at"] or c["failed_at"] for c in told["controls"])
    shown = run(*arguments, status=0 if allow else 1).output
    assert ("would pass" if allow else "would be refused") in shown
    assert ".rego:" in shown


@pytest.mark.parametrize(("call", "why"), [
    ("{fluxx: 1}", "a call may say"), ("compta", "budgetaire:creer"), ("{facts: {certificate.x: 1}}", "no fact is called"),
    ("{path: /nowhere}", "INF-REQ-09"), ("{a: 1, a: 2}", "repeated")])
def test_a_question_that_makes_no_sense(call: str, why: str) -> None:
    assert why in run("explain", "anfm", "--call", call, status=2).output


def test_new_writes_a_contract_that_is_commented_and_complete(tmp_path: Path, certificate: Path) -> None:
    out = tmp_path / "sandbox" / "nouveau.yaml"
    active = ("--validated", "2026-01-15T10:00:00+01:00", "--accepted", "2026-01-12T10:00:00+01:00")
    told = run("new", str(out), *NEW, "--certificate", str(certificate), "--exercice", "2026", *active).output
    assert "CONV-N-1, active, 4 rights" in told
    contract = load_contract(out)
    assert (contract.environment, contract.organisme.siren, contract.calls_per_minute) == ("sandbox", "999900426", 50)
    text = out.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    keys = [line for line in text.splitlines() if ":" in line and not line.startswith("#")]
    assert all("  # " in line for line in keys), [line for line in keys if "  # " not in line]
    assert answer("check", str(out))[0]["gates"] == []
    assert answer("explain", str(out))["allow"] is True
    assert "exists; --force" in run("new", str(out), *NEW, "--certificate", str(certificate), status=2).output


def test_new_in_production_is_a_draft_and_says_what_is_missing(tmp_path: Path, certificate: Path) -> None:
    out = tmp_path / "production" / "nouveau.yaml"
    told = run("new", str(out), *NEW, "--certificate", str(certificate), "--environment", "production", "--pin").output
    assert "brouillon" in told
    assert {"1-a", "3.1.1-a", "3.1.1-d", "3.1.2-a", "3.1.2-c", "3.2-a", "3.4-a"} <= {
        line.split("clause ")[1].split(":")[0] for line in told.splitlines() if "clause " in line}
    assert load_contract(out).acces.certificats[0].empreinte_sha256


def test_new_asks_for_what_is_not_given(tmp_path: Path, certificate: Path) -> None:
    out = tmp_path / "sandbox" / "nouveau.yaml"
    answers = "CONV-N-2\nObservatoire\n99990042600019\n" + f"{certificate}\nTS-N-2\nnouveau2\na@b.example\n"
    run("new", str(out), "--network", "192.0.2.0/28", stdin=answers)
    assert load_contract(out).convention.id == "CONV-N-2"


@pytest.mark.parametrize(("option", "value", "why"), [
    ("--siret", "99990042600018", "not a SIRET"), ("--network", "192.0.2.1/28", "host bits"), ("--certificate", ANFM, "PEM"),
    ("--flux", "paie", "paie"), ("--environment", "test", "one of"), ("--api", "autre", "one of")])
def test_new_writes_nothing_that_is_no_contract(tmp_path: Path, certificate: Path, option: str, value: str, why: str) -> None:
    out = tmp_path / "sandbox" / "nouveau.yaml"
    result = CliRunner().invoke(app, ["new", str(out), *NEW, "--certificate", str(certificate), option, value])
    assert result.exit_code != 0
    assert why in result.output + str(result.exception)
    assert not out.exists()


def test_schema_is_what_is_published(tmp_path: Path) -> None:
    run("schema", "--write", str(tmp_path / "s.json"))
    assert (tmp_path / "s.json").read_text() == (ROOT / "config" / "schemas" / "contract.schema.json").read_text()


@pytest.mark.parametrize("arguments", [("show", "nobody"), ("show", "anfm", "--at", "yesterday"), ("check", "/nowhere"),
                                       ("diff", "anfm", "nobody")])
def test_what_is_not_there_is_told(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, list(arguments)).exit_code in {1, 2}
