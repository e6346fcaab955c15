"""One call: its name."""

from uuid import RFC_4122, UUID

from gateway_addons.addons.call import Call


def test_a_call_is_named_by_a_random_uuid() -> None:
    names = [Call().request_id for _ in range(500)]
    assert len(set(names)) == 500
    for name in names:
        read = UUID(name)
        assert (str(read), read.version, read.variant) == (name, 4, RFC_4122)
    drawn = [f"{UUID(name).int:032x}" for name in names]
    assert all(len({name[place] for name in drawn}) == (1 if place == 12 else 4 if place == 16 else 16) for place in range(32))
