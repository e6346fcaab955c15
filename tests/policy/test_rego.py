"""The policies by OPA's own tools: format, strict check with schemas, unit tests, and every line covered."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway_addons.adapters.policy.opa_binary import FORBIDDEN_BUILTINS
from gateway_addons.core.reasons import REASONS
from tests.policy.opa_server import ROOT, opa_binary

POLICIES = ROOT / "policies"
ROOMS = (str(POLICIES / "poterne"), str(POLICIES / "system"))


def opa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(opa_binary()), *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("arguments", [
    ("fmt", "--list", "--fail", str(POLICIES)),
    ("check", "--strict", "--schema", str(ROOT / "config" / "schemas"), *ROOMS),
    ("test", *ROOMS),
], ids=lambda a: a[0])
def test_opa_s_own_checks(arguments: tuple[str, ...]) -> None:
    done = opa(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_line_is_covered() -> None:
    """`opa test --coverage`: lines with an expression or a head that was never evaluated are none."""
    report = json.loads(opa("test", "--coverage", "--format=json", *ROOMS).stdout)
    left = {file: cover["not_covered"] for file, cover in report["files"].items() if cover.get("not_covered")}
    assert left == {}
    assert report["coverage"] == 100


def annotations() -> list[dict[str, Any]]:
    report = json.loads(opa("inspect", "--annotations", "--format=json", str(POLICIES)).stdout)
    found: list[dict[str, Any]] = report["annotations"]
    return found


def test_every_package_and_entry_point_names_its_clause() -> None:
    files = [f for f in POLICIES.rglob("*.rego") if not f.name.endswith("_test.rego")]
    of_packages = {a["location"]["file"]: a["annotations"] for a in annotations()
                   if a["annotations"]["scope"] == "package"}
    for file in files:
        found = next(a for name, a in of_packages.items() if file.samefile(name))
        assert found["custom"]["clause"], file
    entry_points = [a["annotations"] for a in annotations() if a["annotations"].get("entrypoint")]
    assert len(entry_points) == 2
    assert all(a["custom"]["clause"] for a in entry_points)


def clauses() -> dict[str, str]:
    done = opa("eval", "--format=json", "--data", str(POLICIES / "poterne" / "reasons" / "reasons.rego"),
               "data.poterne.reasons.clauses")
    value: dict[str, str] = json.loads(done.stdout)["result"][0]["expressions"][0]["value"]
    return value


def test_policy_s_reasons_are_those_of_the_one_list() -> None:
    """The gateway has reasons of its own besides; policy has none that the list does not know."""
    assert clauses() == {code: REASONS[code].clause for code in clauses()}


@pytest.mark.parametrize("file", sorted(POLICIES.rglob("*.rego")), ids=lambda f: f.name)
def test_no_module_is_long_and_none_names_a_forbidden_builtin(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") < 250
    assert not [name for name in FORBIDDEN_BUILTINS if f"{name}(" in text]
