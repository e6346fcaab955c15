"""One line, to the byte: what was written is read, and nothing else is."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_addons.core.journal.line import GENESIS, MAX_LINE_BYTES, NotALine, make_line, read_line

FIELDS: dict[str, Any] = {"type": "appel", "requestId": "a", "motif": "déjà vu", "n": [1, None, True, {"x": 0.5}]}
JSON = st.recursive(st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12)


def test_to_the_byte() -> None:
    raw, digest = make_line(7, GENESIS, FIELDS)
    text = raw.decode()
    before, _, rest = text.partition(',"hash":"')
    assert before.startswith('{"seq":7,"hashPrecedent":"' + GENESIS + '","type":"appel",')
    assert "sha256:" + hashlib.sha256(before.encode()).hexdigest() == digest
    assert rest == digest + '"}\n'
    assert json.loads(text) == {"seq": 7, "hashPrecedent": GENESIS, **FIELDS, "hash": digest}


def test_signed_to_the_byte() -> None:
    signature = "A" * 86 + "=="
    seen: list[bytes] = []

    def sign(data: bytes) -> str:
        seen.append(data)
        return signature

    raw, digest = make_line(1, GENESIS, {"type": "scellement"}, sign)
    line = read_line(raw)
    assert line.signed() == (seen[0], signature)
    assert raw == seen[0] + b',"signature":"' + signature.encode() + b'","hash":"' + digest.encode() + b'"}\n'
    assert "sha256:" + hashlib.sha256(raw.partition(b',"hash":"')[0]).hexdigest() == digest == line.hash
    assert read_line(make_line(1, GENESIS, {"type": "appel"})[0]).signed() is None


@settings(deadline=None)
@given(seq=st.integers(1, 10**14), fields=st.dictionaries(st.text().filter(lambda k: k not in {"type", "seq", "hashPrecedent", "hash", "signature"}), JSON, max_size=5))
def test_what_is_written_is_read(seq: int, fields: dict[str, Any]) -> None:
    fields = {"type": "appel"} | fields
    raw, digest = make_line(seq, GENESIS, fields)
    line = read_line(raw)
    assert (line.seq, line.previous, line.kind, line.hash) == (seq, GENESIS, "appel", digest)
    assert line.fields() == fields | {"seq": seq, "hashPrecedent": GENESIS, "hash": digest}
    assert raw.count(b"\n") == 1


def test_no_byte_can_be_another() -> None:
    for raw in (make_line(12, GENESIS, FIELDS)[0], make_line(1, GENESIS, FIELDS, lambda _: "A" * 86 + "==")[0]):
        for place in range(len(raw)):
            for bit in range(8):
                bent = raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1:]
                with pytest.raises(NotALine):
                    read_line(bent)
            with pytest.raises(NotALine):
                read_line(raw[:place] + raw[place + 1:])
            with pytest.raises(NotALine):
                read_line(raw[:place] + b" " + raw[place:])


@pytest.mark.parametrize("fields", [{}, {"x": 1, "type": "appel"}, {"type": "a", "seq": 1}, {"type": "a", "hash": ""}, {"type": "a", "signature": ""}])
def test_the_chain_s_own_members_are_its_own(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="first field"):
        make_line(1, GENESIS, fields)


def test_what_json_cannot_hold_is_told_all_the_same() -> None:
    raw, _ = make_line(1, GENESIS, {"type": "appel", "chemin": "/\udcff", "n": 1 << 70, "l": ("\udc80", None, 2.5), "d": {"\udcff": False}})
    assert read_line(raw).fields()["chemin"] == "/\\udcff"
    assert read_line(raw).fields()["n"] == str(1 << 70)


def test_a_line_has_a_bound() -> None:
    with pytest.raises(ValueError, match="bytes"):
        make_line(1, GENESIS, {"type": "appel", "x": "a" * MAX_LINE_BYTES})
