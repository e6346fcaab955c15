"""Strict YAML: one meaning or none, whatever the text; and where what stands, for errors."""

import json
from datetime import date, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.adapters.policy.strict_yaml import YamlDefect, lines, read
from gateway_addons.core.contract.commented_yaml import scalar

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-10**15, 10**15) | texts | st.dates(date(1900, 1, 1), date(2199, 12, 31))
values: Any = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=15)


@settings(max_examples=150)
@given(values)
def test_what_a_new_contract_is_written_with_reads_back(value: Any) -> None:
    """`scalar` writes any value of a contract, in flow style; keys are written as JSON has them here."""
    def written(node: Any) -> str:
        if isinstance(node, dict):
            return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {written(v)}" for k, v in node.items()) + "}"
        return f"[{', '.join(map(written, node))}]" if isinstance(node, list) else scalar(node)

    assert read(written(value)) == value


fragments = st.sampled_from(["a", ":", " ", "\n", "-", "[", "]", "{", "}", "\"", "'", "&x", "*x", "!t", "|", ">", "#", "?", "<<", "\t", "0",
                             "1", "12", ".", "yes", "null", "true", "2026-01-01", "T10:00:00Z", ",", "%", "@", "\\", "é", "---", "..."])


@settings(max_examples=300)
@given(st.lists(fragments, max_size=25).map("".join))
def test_any_text_has_one_meaning_or_is_refused(text: str) -> None:
    """What is accepted means to PyYAML's own safe loader, which reads YAML 1.1, the same."""
    refused: YamlDefect | None = None
    try:
        found = read(text)
    except YamlDefect as e:
        refused = e
    if refused is not None:
        assert refused.why
        assert refused.line >= 1
        return
    assert () in lines(text)
    try:
        other = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError):
        return
    assert _texts(found) == _texts(other)


def _texts(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(_texts(k)): _texts(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_texts(x) for x in node]
    return type(node).__name__ if isinstance(node, int | float | datetime) and not isinstance(node, bool) else node


@pytest.mark.parametrize(("text", "value"), [
    ("a: 1", {"a": 1}), ("a: -7", {"a": -7}), ("a: 97.5", {"a": 97.5}), ("a: ~", {"a": None}), ("a:", {"a": None}), ("a: true", {"a": True}),
    ("a: 2026-01-31", {"a": date(2026, 1, 31)}), ("a: 2026-01-31T10:00:00+01:00", {"a": datetime.fromisoformat("2026-01-31T10:00:00+01:00")}),
    ("a: 'x: y'", {"a": "x: y"}), ("a: 13 h", {"a": "13 h"}), ("a: 01..13", {"a": "01..13"}), ("'1': a", {"1": "a"}),
    ("a: 'no'", {"a": "no"}), ('a: "0123"', {"a": "0123"}), ("a: |\n  x\n  y\n", {"a": "x\ny\n"}), ("- [1, {b: c}]", [[1, {"b": "c"}]]),
])
def test_what_a_plain_value_means(text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize("text", ["a: yes", "a: No", "a: ON", "a: off", "a: y", "a: 0123", "a: -007", "a: 0x1F", "a: 0o17", "a: 0b1",
                                  "a: 7:00", "a: 1_000", "a: 1e3", "a: .inf", "a: 0.", "a: .5", "a: =", "a: +1:30",
                                  "a: 2026-02-30", "a: 2026-01-31T25:00:00Z"])
def test_what_readers_take_differently_is_refused(text: str) -> None:
    with pytest.raises(YamlDefect) as caught:
        read(text)
    assert (caught.value.path, caught.value.line) == (("a",), 1)


@pytest.mark.parametrize("text", ["?", "? \n: a", "1: a", "null: a", "true: a", "yes: a", "2026-01-01: a", "~: a", "0123: a"])
def test_a_key_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(YamlDefect, match=r"key must be|between quotes"):
        read(text)


def test_lines_of_keys_and_items() -> None:
    found = lines("a: 1\nb:\n  - x\n  - c: 2\n    d: 3\n")
    assert found == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5}
