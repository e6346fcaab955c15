"""Properties of the one reading: independent readers read the same, or the gate refuses."""

import posixpath
from random import Random
from urllib.parse import unquote, urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from gateway_addons.core.errors import Refusal
from gateway_addons.core.request_head import read_head
from tests.corpora.cases import all_cases
from tests.corpora.json_texts import READ
from tests.fuzz.functions import one_head, one_text
from tests.fuzz.grammar import SEGMENTS, TEXTS
from tests.fuzz.mutation import mutate

HEADS = [c.raw.replace(b"{{CONTENT_LENGTH}}", b"3").replace(b"{{HOST}}", b"localhost") for c in all_cases() if len(c.raw) < 3000]
PATHS = st.one_of(st.lists(SEGMENTS, max_size=7).map(lambda s: "/" + "/".join(s)), st.text(st.characters(max_codepoint=255), max_size=40).map(lambda t: "/" + t),
                  st.text("/.%2eEfF5cC;\\aZ09~_-", max_size=30).map(lambda t: "/" + t))


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(PATHS)
def test_a_path_is_refused_or_is_what_every_normaliser_leaves_alone(path: str) -> None:
    raw = f"POST {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode("latin-1")
    try:
        target = read_head(raw, max_bytes=16384, max_headers=64).target
    except Refusal:
        return
    assert target == path
    assert unquote(target) == target
    assert posixpath.normpath(target) == target
    assert urlsplit(target).path == target
    assert URL("http://h" + target).raw_path == URL("http://h" + target).path == target
    assert target.encode("ascii").decode("utf-8") == target
    assert ";" not in target
    assert "\\" not in target


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(HEADS), st.sampled_from(HEADS), st.integers(0, 2**32))
def test_a_head_that_is_taken_is_read_alike_by_h11(raw: bytes, other: bytes, chance: int) -> None:
    one_head(mutate(raw, other, Random(chance)))


def test_heads_are_taken_at_all() -> None:
    assert sum(one_head(raw) for raw in HEADS) > 100


@settings(max_examples=400)
@given(TEXTS)
def test_json_that_is_taken_is_read_alike_by_other_readers(text: str) -> None:
    one_text(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=400)
@given(st.sampled_from([t for t in READ.values() if len(t) < 2000]), st.sampled_from([t for t in READ.values() if len(t) < 2000]), st.integers(0, 2**32))
def test_json_that_is_bent_too(text: bytes, other: bytes, chance: int) -> None:
    one_text(mutate(text, other, Random(chance)))


def test_json_is_taken_at_all() -> None:
    assert all(one_text(t) for t in READ.values())
