"""What of a backend's answer may go on: members by an allow-list at every level, and no long text."""

import json
from typing import Any

import pytest

from gateway_addons.core.answer_shape import MAX_TEXT_CHARACTERS, RECEIPT_NAMES, read_answer
from gateway_addons.core.errors import Refusal

SHORT, LONG = "é" * MAX_TEXT_CHARACTERS, "é" * (MAX_TEXT_CHARACTERS + 1)
TAKEN: dict[str, dict[str, Any]] = {
    "a receipt": {"accuse": {"numeroAccuse": "INF-1", "ecritures": [{"identifiant": "E1", "version": 1}, {"identifiant": "E2"}]}},
    "empty": {}, "arrays in arrays": {"details": [[["a"], [{"code": "b"}]], []]}, "a text that is not too long": {"details": [SHORT]},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another member": ({"montant": 1}, "'montant'"), "in an object": ({"accuse": {"montant": 1}}, "'montant'"),
    "in an array": ({"details": [{"code": "a"}, {"montant": 1}]}, "'montant'"), "deep in arrays": ({"details": [[[], [{"montant": 1}]]]}, "'montant'"),
    "without a name": ({"accuse": {"": 1}}, "''"), "a long name": ({"x" * 100: 1}, repr("x" * 64)),
    "a long text": ({"message": LONG}, "'message'"), "a long text in an array": ({"details": ["a", LONG]}, "'details'"),
    "a long text deep in arrays": ({"details": [[["a"], [LONG]]]}, "'details'"), "a long text in an object in an array": ({"details": [{"code": LONG}]}, "'code'"),
}


@pytest.mark.parametrize("document", [pytest.param(d, id=n) for n, d in TAKEN.items()])
def test_taken(document: dict[str, Any]) -> None:
    assert read_answer(json.dumps(document).encode(), RECEIPT_NAMES) == document


@pytest.mark.parametrize(("document", "named"), [pytest.param(*row, id=n) for n, row in REFUSED.items()])
@pytest.mark.parametrize("escaped", [True, False])
def test_refused(document: dict[str, Any], named: str, escaped: bool) -> None:
    body = json.dumps(document, ensure_ascii=escaped).encode()
    with pytest.raises(Refusal) as refused:
        read_answer(body, RECEIPT_NAMES)
    assert (refused.value.code, named in refused.value.detail, LONG in refused.value.detail) == ("INF-DEP-04", True, False)
    assert read_answer(body, None) == document
