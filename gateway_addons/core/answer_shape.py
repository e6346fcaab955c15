"""What a backend's answer may say: receipts and errors, by an allow-list of names, so that no stored data leaves (2.1-a)."""

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
        _check_names(document, names)
        if len(body) > MAX_TEXT_CHARACTERS:  # a shorter answer holds no longer text
            _check_texts(document)
    return document


def _check_names(document: dict[str, Any], names: frozenset[str]) -> None:
    found: list[Any] = [document]
    for node in found:  # every object and array at every level (the reader bounds their depth): it grows while it is walked
        if isinstance(node, dict):
            if not names.issuperset(node):
                other = next(member for member in node if member not in names)
                raise Refusal("INF-DEP-04", f"the backend's answer has a member {other[:64]!r} that is not this API's")
            node = node.values()
        found += [value for value in node if isinstance(value, _CONTAINERS)]


def _check_texts(document: dict[str, Any]) -> None:
    found: list[tuple[str, Any]] = [("", document)]
    for name, node in found:
        members = node.items() if isinstance(node, dict) else ((name, item) for item in node)  # an item counts as its array's
        for member, value in members:
            if isinstance(value, _CONTAINERS):
                found.append((member, value))
            elif isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:
                raise Refusal("INF-DEP-04", f"the backend's answer has a long text in {member!r}")
