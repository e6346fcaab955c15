"""The fingerprint of a lot depends on its content and on nothing else."""

import json

from hypothesis import given
from hypothesis import strategies as st

from backend.canonical import canonical_json, fingerprint, lot_fingerprint
from backend.json_reading import read_object

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", max_size=4), inner, max_size=4),
    max_leaves=12,
)
lots = st.builds(
    lambda rest, entries: {**rest, "ecritures": entries},
    st.dictionaries(st.sampled_from(["budget", "exercice", "flux", "zone"]), values),
    st.lists(st.dictionaries(st.text("abc", max_size=3), values, max_size=3), max_size=4),
)


@given(lots)
def test_in_slices_as_in_one_piece(lot: dict[str, object]) -> None:
    entries = lot["ecritures"]
    assert isinstance(entries, list)
    assert lot_fingerprint(lot, [canonical_json(entry) for entry in entries]) == fingerprint(canonical_json(lot))


@given(lots)
def test_order_of_keys_white_space_and_escapes_do_not_count(lot: dict[str, object]) -> None:
    turned = dict(reversed(lot.items()))
    for text in (json.dumps(turned, indent=1), json.dumps(turned, ensure_ascii=False)):
        assert canonical_json(read_object(text.encode())) == canonical_json(lot)


@given(lots, lots)
def test_different_lots_have_different_texts(one: dict[str, object], other: dict[str, object]) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical_json(one) == canonical_json(other)) is same
