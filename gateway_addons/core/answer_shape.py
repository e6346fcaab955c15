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
        _check_members(document, names, texts_may_be_long=len(body) > MAX_TEXT_CHARACTERS)
    return document


def _check_members(document: dict[str, Any], names: frozenset[str], *, texts_may_be_long: bool) -> None:
    """Every object and array at every level, with the name of the member that it is in (the reader bounds their depth)."""
    found: list[tuple[str, Any]] = [("", document)]
    for name, node in found:  # grows while it is walked
        if isinstance(node, dict):
            if not names.issuperset(node):
                other = next(member for member in node if member not in names)
                raise Refusal("INF-DEP-04", f"the backend's answer has a member {other[:64]!r} that is not this API's")
            members = list(node.items())
        else:
            members = [(name, item) for item in node]  # what is in an array counts as the member's that the array is
        if texts_may_be_long:
            _check_texts(members)
        found += [member for member in members if isinstance(member[1], _CONTAINERS)]


def _check_texts(members: list[tuple[str, Any]]) -> None:
    for name, value in members:
        if isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:
            raise Refusal("INF-DEP-04", f"the backend's answer has a long text in {name!r}")
