"""One list of reasons: policy, answers, documentation and code all speak of the same codes."""

import re
from pathlib import Path

import pytest

from gateway_addons.core.reason_pages import pages
from gateway_addons.core.reasons import REASONS

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r'"((?:INF-[A-Z]+-\d\d)|(?:\d{6})|(?:40\d\d))"')


def codes_in(folder: str, pattern: str) -> set[str]:
    files = [f for f in (ROOT / folder).rglob(pattern) if not f.name.endswith("_test.rego")]
    assert files
    return {code for file in files for code in CODE.findall(file.read_text(encoding="utf-8"))}


def test_policy_uses_only_codes_of_the_list() -> None:
    assert codes_in("policies", "*.rego") <= set(REASONS)


def test_the_gateway_uses_only_codes_of_the_list() -> None:
    assert codes_in("gateway_addons", "*.py") <= set(REASONS)


def test_every_code_is_used() -> None:
    made_from_a_number = {f"INF-DRT-{n:02}" for n in range(1, 7)}
    listed_only: set[str] = set()
    used = codes_in("policies", "*.rego") | codes_in("gateway_addons/addons", "*.py") | codes_in("gateway_addons/adapters", "*.py")
    used |= codes_in("gateway_addons/core", "request_head.py") | codes_in("gateway_addons/core", "routes.py")
    used |= codes_in("gateway_addons/core", "pipeline.py") | codes_in("gateway_addons/core", "content_digest.py")
    assert set(REASONS) - used - made_from_a_number - listed_only == set()


@pytest.mark.parametrize("code", list(REASONS))
def test_each_reason_speaks_both_languages_and_names_no_address(code: str) -> None:
    reason = REASONS[code]
    assert reason.fr.endswith(".")
    assert reason.en.endswith(".")
    assert reason.fr != reason.en
    assert "@" not in reason.fr + reason.en  # clause 9.3-d
    assert 400 <= reason.status <= 599


def test_the_pages_are_current() -> None:
    written = {f.name: f.read_text(encoding="utf-8") for f in (ROOT / "docs/reasons").glob("*.md")}
    assert written == pages(), "run: poterne reasons --write docs/reasons"
