"""The strict reader on a corpus of JSON texts: what the grammar refuses, what every reader reads, what a rule forbids."""

import contextlib
import json
import time
import tracemalloc

import pytest

from gateway_addons.core import strict_json
from gateway_addons.core.strict_json import Unreadable, read_object, read_value
from tests.corpora.json_texts import READ, REFUSED_BY_RULE, REFUSED_BY_THE_GRAMMAR

NOT_UTF_8 = ("r_latin1", "r_overlong", "r_beyond_unicode", "r_surrogate_bytes", "r_cesu8", "r_truncated", "r_lone_continuation")

QUADRATIC: dict[str, bytes] = {
    "quotes": b'{"a":"' + b'\\"' * 4_000_000, "backslashes": b'{"a":"' + b"\\\\" * 4_000_000, "brackets in strings": b'{"a":[' + b'"[{",' * 1_500_000,
    "unclosed": b'{"a":' * 1_000_000, "numbers": b"[" + b"1234567890123456," * 400_000, "one long number": b"[" + b"1" * 8_000_000,
    "one long fraction": b"[0." + b"1" * 8_000_000, "white space": b" " * 8_000_000, "escapes": b'["' + b"\\u0041" * 1_300_000 + b'"]',
    "surrogates": b'["' + b"\\ud83d\\ude00" * 30_000 + b"\\ud83d" + b'"]', "keys": b"[{" + b"},{".join(b'"%d":1' % n for n in range(400_000)) + b"}]",
    "a name apart": b'{"a":1,"' + b"b" * 8_000_000 + b'":2}',
}


@pytest.mark.parametrize("body", [pytest.param(b, id=n) for n, b in (REFUSED_BY_THE_GRAMMAR | REFUSED_BY_RULE).items()])
def test_refused_also_inside_of_an_object(body: bytes) -> None:
    inside = (b'{"a":' + body + b"}", b'{"a":1,"b":[' + body + b"]}") if body.strip() else ()
    for text in (body, *inside):
        with pytest.raises(Unreadable):
            read_value(text, frozenset({"b"}))
        with pytest.raises(Unreadable):
            read_object(text)


def test_the_rules_are_needed() -> None:
    """The platform's own reader takes these texts, each in its own way."""
    refused_by_it = {name for name, body in REFUSED_BY_RULE.items() if not _taken_by_the_platform(body)}
    assert refused_by_it <= {name for name in REFUSED_BY_RULE if name.startswith(NOT_UTF_8)} | {"r_very_long_integer"}


def _taken_by_the_platform(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("body", [pytest.param(b, id=n) for n, b in READ.items()])
def test_read_as_every_reader_reads_it(body: bytes) -> None:
    assert read_value(body) == json.loads(body)
    if body.count(b"[") + body.count(b"{") < 32:
        assert read_object(b'{"a":' + body + b"}") == {"a": json.loads(body)}


@pytest.mark.parametrize("body", [pytest.param(b, id=n) for n, b in QUADRATIC.items()])
def test_no_text_takes_long(body: bytes) -> None:
    """8 MB of the worst are judged in a second or so; the bound is wide, quadratic time would be hours."""
    start = time.process_time()
    with contextlib.suppress(Unreadable):
        read_object(b'{"a":' + body + b"}")
    assert time.process_time() - start < 15


def test_a_lot_of_50000_entries_costs_its_text_not_a_tree() -> None:
    """What reading takes beyond the body is the body's text, and a moment's copy: two to three times its bytes, not ten."""
    entry = {"libelle": "Achat de fournitures", "montant": "1500.00", "lignes": [{"compte": "515", "debit": "1.00"}, {"compte": "8632", "credit": "1.00"}]}
    body = json.dumps({"ecritures": [{"identifiant": f"E{n}", **entry} for n in range(50_000)], "flux": "comptable"}).encode()
    tracemalloc.start()
    try:
        document = read_object(body, frozenset({"ecritures", "organisme", "flux"}))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(document["ecritures"]), document["flux"]) == (50_000, "comptable")
    assert peak < 3 * len(body)


def test_what_is_not_kept_of_a_long_text_is_judged_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "MAX_BYTES_OF_A_TREE", 0)
    assert read_object(b'{"a":{"b":1,"c":2},"x":{"y":[1]},"l":[{"y":1},{"b":2}]}', frozenset({"a", "b", "l"})) == {
        "a": {"b": 1}, "l": [{}, {"b": 2}]}
    for bad in (b'{"x":{"y":1,"y":2}}', b'{"x":["\\ud800"]}', b'{"x":{"z":"\\u0000"}}', b'{"x":1e999}'):
        with pytest.raises(Unreadable):
            read_object(bad, frozenset({"a"}))
