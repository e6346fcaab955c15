"""What a backend's answer may say: receipts and errors, by an allow-list of names, so that no stored data leaves (2.1-a)."""

from collections.abc import Iterator
from typing import Any

from gateway_addons.core.errors import Refusal
from gateway_addons.core.strict_json import Unreadable, read_object

RECEIPT_NAMES = frozenset({
    "accuse", "numeroAccuse", "correlationId", "operation", "horodatage", "empreinteLot", "ecritures", "identifiant", "version",
    "avertissements", "index", "chemin", "code", "message", "erreur", "details", "referentiel", "nomenclature", "exercice",
    "revision", "codes", "type", "title", "status",
})
"""The names in a receipt, an error (the DGFiP's or RFC 9457) and the state of an API that is write-only; an API's file may
name others (`answer_names`)."""

MAX_TEXT_CHARACTERS = 1000
"""A receipt has no long texts; a document that was stored has."""


def read_answer(body: bytes, names: frozenset[str] | None) -> dict[str, Any]:
    """The JSON object that a backend answered; `names` are the members it may have at any level, None for any.

    Raises:
        Refusal: INF-DEP-04; the detail names the member, never its value.
    """
    try:
        document = read_object(body)
    except Unreadable as e:
        raise Refusal("INF-DEP-04", f"the backend's answer: {e}") from e
    if names is not None:
        for name, value in _members(document):
            if name not in names:
                raise Refusal("INF-DEP-04", f"the backend's answer has a member {name[:64]!r} that is not this API's")
            if isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:
                raise Refusal("INF-DEP-04", f"the backend's answer has a long text in {name!r}")
    return document


def _members(node: Any) -> Iterator[tuple[str, Any]]:
    """Every member at every level; texts in arrays count as the array's (its depth is bounded by the reader)."""
    waiting: list[tuple[str, Any]] = [("", node)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting += [(k, v) for k, v in value.items() if isinstance(v, dict | list)]
        elif isinstance(value, list):
            yield from ((name, item) for item in value if isinstance(item, str) and name)
            waiting += [(name, item) for item in value if isinstance(item, dict | list)]
