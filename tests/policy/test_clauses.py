"""docs/clauses.md says what the policies say; every rule has its clause, every reason of policy a rule."""

import shutil
from pathlib import Path

import pytest

from gateway_addons.adapters.policy.clause_table import ClauseGap, clause_table
from gateway_addons.core.reasons import REASONS
from tests.policy.opa_server import ROOT, opa_binary

COMMAND = "poterne policy clauses --write docs/clauses.md"


def test_the_page_is_what_the_policies_say() -> None:
    page = clause_table(opa_binary(), ROOT / "policies", ROOT / "tests")
    assert (ROOT / "docs" / "clauses.md").read_text(encoding="utf-8") == page, f"stale: run `{COMMAND}`"
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert [code for code in REASONS if not any(row.startswith(f"| {code} |") for row in rows)] == []


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    return tmp_path / "policies"


def test_a_rule_without_a_clause_is_told(policies: Path) -> None:
    (policies / "poterne" / "bare.rego").write_text("# METADATA\n# title: x\npackage poterne.bare\n\nx := 1\n")
    with pytest.raises(ClauseGap, match=r"bare.rego:\d+: no clause"):
        clause_table(opa_binary(), policies, ROOT / "tests")


def test_a_reason_that_no_rule_gives_is_told(policies: Path) -> None:
    module = policies / "poterne" / "address" / "address.rego"
    module.write_text(module.read_text(encoding="utf-8").replace('"900805"', '"4000"'))
    with pytest.raises(ClauseGap, match="900805"):
        clause_table(opa_binary(), policies, ROOT / "tests")
