"""Copies that were changed apart come together the same way in any order; what is no record is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.register import (
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    REMOVAL_LIFE,
    MalformedRecord,
    Record,
    RegisterFull,
    in_force,
    is_over,
    micros,
    newer,
    put,
    read_record,
    removal,
)

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
RECORDS = st.builds(Record, st.integers(0, 5), st.integers(0, 3), st.sampled_from(["a", "é b"]),
                    st.sampled_from([None, '{"x":"1 2 {"}']), st.sampled_from([None, 0, 7]))
COPIES = st.dictionaries(st.sampled_from("xyz"), RECORDS)


@given(RECORDS)
def test_written_and_read_again(record: Record) -> None:
    assert read_record(record.text()) == record


@given(COPIES, COPIES, COPIES)
def test_any_order_of_meeting_ends_the_same(a: dict[str, Record], b: dict[str, Record], c: dict[str, Record]) -> None:
    def together(*copies: dict[str, Record]) -> dict[str, tuple[int, int]]:
        known: dict[str, Record] = {}
        for copy in copies:
            known |= newer(copy, known)
        return {key: (r.stamp_us, r.nonce) for key, r in known.items()}

    assert together(a, b, c) == together(c, b, a) == together(b, b, a, c, b)


def test_what_comes_later_wins_whatever_the_clocks_say() -> None:
    first = put({}, "k", {}, by="a", expires_at=None, now=NOW, nonce=9)
    gone = removal({"k": first}, "k", by="b", now=NOW - timedelta(days=1), nonce=0)
    assert gone.beats(first)
    again = put({"k": gone}, "k", {}, by="a", expires_at=None, now=NOW - timedelta(days=2), nonce=0)
    assert again.beats(gone)


@pytest.mark.parametrize(("ends_in", "remembered_for"), [(timedelta(hours=1), timedelta(hours=1)), (None, REMOVAL_LIFE)])
def test_a_removal_is_remembered_as_long_as_the_entry_could_come_back(
    ends_in: timedelta | None, remembered_for: timedelta
) -> None:
    entry = put({}, "k", {}, by="a", expires_at=NOW + ends_in if ends_in else None, now=NOW, nonce=0)
    gone = removal({"k": entry}, "k", by="a", now=NOW, nonce=0)
    assert gone.expires_us == micros(NOW + remembered_for)
    assert not is_over(gone, micros(NOW + remembered_for))
    assert is_over(gone, micros(NOW + remembered_for + timedelta(minutes=5)))
    assert in_force([("k", gone)], micros(NOW)) == ({}, None)


@pytest.mark.parametrize("text", [
    "", "1", "1 2", "1 2 x", "1 2 []", "1 2 {}", '-1 2 {"by":"a","expires_us":null,"value":null}',
    '1 2 {"by":"a","expires_us":null,"value":null,"more":1}', '1 2 {"by":"a","expires_us":1.5,"value":null}',
    '1 2 {"by":"a","expires_us":true,"value":null}', '1 2 {"by":"a","expires_us":null,"value":[]}',
    '1 2 {"by":1,"expires_us":null,"value":{}}', '9999999999999999 2 {"by":"a","expires_us":null,"value":{}}',
    '١ 2 {"by":"a","expires_us":null,"value":{}}', '1 2 {"by":"a","expires_us":-1,"value":{}}',
    '1 2 {"by":"a","expires_us":null,"value":{"x":"' + "y" * MAX_RECORD_BYTES + '"}}', "1 2 " + "[" * 5000 + "]" * 5000,
])
def test_no_record(text: str) -> None:
    with pytest.raises(MalformedRecord):
        read_record(text)


@pytest.mark.parametrize(("key", "value"), [("", {}), ("k" * 257, {}), ("a\nb", {}), ("k", {"x": "y" * MAX_RECORD_BYTES}),
                                            ("k", {"x": float("nan")})])
def test_what_cannot_be_kept(key: str, value: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        put({}, key, value, by="a", expires_at=None, now=NOW, nonce=0)


@pytest.mark.parametrize("year", [1969, 2256, 9999])
def test_an_end_that_no_copy_could_read_back_is_not_put(year: int) -> None:
    with pytest.raises(ValueError, match="2255"):
        put({}, "k", {}, by="a", expires_at=datetime(year, 1, 1, tzinfo=UTC), now=NOW, nonce=0)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2255, 1, 1), timezones=st.just(UTC)))
def test_what_is_put_is_read_again(end: datetime) -> None:
    record = put({}, "k", {"a": 1}, by="a", expires_at=end, now=NOW, nonce=0)
    assert read_record(record.text()) == record


def test_the_number_is_bounded() -> None:
    one = put({}, "k", {}, by="a", expires_at=None, now=NOW, nonce=0)
    full = {str(n): one for n in range(MAX_RECORDS)}
    with pytest.raises(RegisterFull):
        put(full, "k", {}, by="a", expires_at=None, now=NOW, nonce=0)
    assert put(full, "7", {}, by="a", expires_at=None, now=NOW, nonce=0).beats(one)
