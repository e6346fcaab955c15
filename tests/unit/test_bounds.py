"""Bounds over all connections."""

import pytest
from prometheus_client import CollectorRegistry

from gateway_addons.addons.bounds_trace import show_bounds
from gateway_addons.core.bounds import BodyBudget, ConnectionCounts, source_of


@pytest.mark.parametrize(("one", "other", "same"), [
    ("192.0.2.1", "192.0.2.2", False), ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True), ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("::ffff:192.0.2.1", "192.0.2.1", True), ("", "x", False)])
def test_an_ipv6_subscriber_is_one_source(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same


def test_connections_in_all_and_for_each_source() -> None:
    counts = ConnectionCounts(3, 2)
    assert [counts.enter(s) for s in ("a", "a", "a", "b", "c")] == [True, True, False, True, False]
    assert counts.refused == 2
    counts.leave("a")
    assert counts.enter("c")
    assert not counts.enter("a")
    for source in ("a", "b", "c"):
        counts.leave(source)
    assert [counts.enter(s) for s in ("d", "d", "d")] == [True, True, False]


def test_the_operator_sees_them() -> None:
    registry, counts, budget = CollectorRegistry(), ConnectionCounts(1, 1), BodyBudget(100)
    show_bounds(registry, counts, budget)
    counts.enter("a")
    counts.enter("b")
    budget.account("a").reserve(7)
    assert registry.get_sample_value("poterne_refused_connections") == 1
    assert registry.get_sample_value("poterne_buffered_body_bytes") == 7


def test_bodies_share_a_budget_and_no_source_takes_more_than_half() -> None:
    budget = BodyBudget(100)
    one, two, other, third = budget.account("a"), budget.account("a"), budget.account("b"), budget.account("c")
    assert one.reserve(30)
    assert two.reserve(20)
    assert not two.reserve(1)
    assert (two.room(), third.room()) == (0, 50)
    assert other.reserve(50)
    assert not third.reserve(1)
    assert budget.held_bytes == 100
    one.free()
    one.free()
    assert (budget.held_bytes, two.room(), third.room()) == (70, 30, 30)
    for account in (two, other, third):
        account.free()
    assert budget.held_bytes == 0
    assert budget._sources == {}
