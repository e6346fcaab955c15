"""What changes between two contracts is told in words: no right gained or lost is missed, however it is written."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.core.contract.changes import DIMENSIONS, changes, merged
from gateway_addons.core.contract.model import Contract
from tests.policy.variants import Change, changed


def told(change: Change) -> list[str]:
    old, new = Contract.model_validate(changed("x", {})), Contract.model_validate(changed("x", change))
    return [f"{c.kind} {c.path} {c.words}" for c in changes(old, new)]


@pytest.mark.parametrize(("change", "words"), [
    ({}, []),
    ({"droits.2.operations": ["creer", "supprimer"]},
     ["gained droits supprimer financiere for 13099990700012, budget BP/01, exercice 2025..2030, période 01..13, sent 2025-01-01 to "
      "2031-03-16, by text T1"]),
    ({"droits.2.periodes": ["01..06", "08..13"]},
     ["lost droits creer financiere for 13099990700012, budget BP/01, exercice 2025..2030, période 07, sent 2025-01-01 to 2031-03-16, "
      "by text T1"]),
    ({"droits.2.periodes": ["01..12", "13"]}, []),  # the same, written otherwise
    ({"acces.adresses_ip": ["127.0.0.1/32", "192.0.2.0/28"]}, ["gained acces.adresses_ip address 192.0.2.0/28"]),
    ({"acces.identifiants_techniques": ["TS-y"]},
     ["gained acces.identifiants_techniques identifier TS-y", "lost acces.identifiants_techniques identifier TS-x"]),
    ({"convention.etat": "terminee"}, ["changed convention.etat active -> terminee"]),
    ({"volumetrie.appels_par_minute": 100}, ["changed volumetrie.appels_par_minute 200 -> 100"]),
    ({"resiliation": {"par": "producteur", "notifiee_le": "2026-11-01", "motif": "fin", "canal": "ecrit"}},
     ["changed resiliation none -> {\"par\": \"producteur\", \"notifiee_le\": \"2026-11-01\", \"motif\": \"fin\", \"canal\": \"ecrit\", "
      "\"effective_le\": null, \"cas_securite\": false}"]),
])
def test_words(change: Change, words: list[str]) -> None:
    assert told(change) == words


def test_a_contract_that_comes_or_goes() -> None:
    contract = Contract.model_validate(changed("x", {}))
    assert next(c.words for c in changes(None, contract)) == "the whole contract CONV-x"
    assert {c.kind for c in changes(None, contract)} == {"gained"}
    assert {c.kind for c in changes(contract, None)} == {"lost"}


values: Any = st.sampled_from(["a", "b", "c"])
cells: Any = st.sets(st.tuples(*([values] * len(DIMENSIONS))), max_size=30)


@settings(max_examples=100)
@given(cells)
def test_blocks_are_the_cells_and_no_other(given_cells: set[tuple[str, ...]]) -> None:
    """Whatever is merged, the blocks together hold each cell once."""
    held: list[tuple[str, ...]] = []
    for block in merged(given_cells):
        combined: list[tuple[str, ...]] = [()]
        for part in block:
            combined = [(*head, value) for head in combined for value in part]
        held += combined
    assert len(held) == len(set(held))
    assert set(held) == given_cells
