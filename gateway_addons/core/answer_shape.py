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

_CONTAINERS = (dict, list)

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
        for name, node in _containers(document):
            if isinstance(node, dict) and not names.issuperset(node):
                other = next(member for member in node if member not in names)
                raise Refusal("INF-DEP-04", f"the backend's answer has a member {other[:64]!r} that is not this API's")
            if len(body) > MAX_TEXT_CHARACTERS:  # a shorter answer holds no longer text
                _check_texts(name, node)
    return document


def _check_texts(name: str, node: dict[str, Any] | list[Any]) -> None:
    """The texts in one object, or in one array, which count as the member's that the array is."""
    for member, value in node.items() if isinstance(node, dict) else ((name, item) for item in node):
        if isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:
            raise Refusal("INF-DEP-04", f"the backend's answer has a long text in {member!r}")


def _containers(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any] | list[Any]]]:
    """Every object and array at every level, with the name of the member that it is in (their depth is bounded by the reader)."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        name, node = waiting.pop()
        yield name, node
        if isinstance(node, dict):
            waiting += [item for item in node.items() if isinstance(item[1], _CONTAINERS)]
        else:
            waiting += [(name, item) for item in node if isinstance(item, _CONTAINERS)]
