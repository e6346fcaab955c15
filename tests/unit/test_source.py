"""Forwarded and X-Forwarded-For: only from trusted proxies, and only the rightmost address that is none of them."""

import contextlib
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_addons.core.evidence.address import ObservedAddress, address_facts
from gateway_addons.core.source import SourceRefused, TrustedProxies, forwarded_source

OURS = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))
XFF = TrustedProxies(OURS, "x-forwarded-for")
RFC7239 = TrustedProxies(OURS, "forwarded")
PROXY = ip_address("10.0.0.1")

TOLD = [
    (XFF, ["192.0.2.7"], "192.0.2.7"), (XFF, ["198.51.100.1, 192.0.2.7"], "192.0.2.7"), (XFF, ["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
    (XFF, ["198.51.100.1", "192.0.2.7, 10.0.0.2"], "192.0.2.7"), (XFF, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"), (XFF, ["2001:db8::7"], "2001:db8::7"),
    (XFF, ["192.0.2.7:4000"], "192.0.2.7"), (XFF, ["[2001:db8::7]:4000"], "2001:db8::7"), (XFF, ["::ffff:192.0.2.7"], "192.0.2.7"),
    (XFF, ["garbage, 192.0.2.7"], "192.0.2.7"), (XFF, ["192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"), (XFF, ["192.0.2.7, 2001:db8:1::5"], "192.0.2.7"),
    (RFC7239, ["for=192.0.2.7"], "192.0.2.7"), (RFC7239, ['For="[2001:db8::7]:4711"'], "2001:db8::7"),
    (RFC7239, ["for=198.51.100.1;proto=https, for=192.0.2.7;by=10.0.0.1;host=a.example"], "192.0.2.7"),
    (RFC7239, ['for=192.0.2.7;host="a,b;c=\\"d"'], "192.0.2.7"), (RFC7239, ["for=192.0.2.7", "for=10.0.0.9"], "192.0.2.7"),
    (RFC7239, ["for=unknown, for=192.0.2.7"], "192.0.2.7"),
]


@pytest.mark.parametrize(("proxies", "values", "source"), TOLD)
def test_the_rightmost_that_is_none_of_ours(proxies: TrustedProxies, values: list[str], source: str) -> None:
    assert forwarded_source(PROXY, values, proxies) == ip_address(source)


REFUSED = [
    (XFF, []), (XFF, [""]), (XFF, ["192.0.2.7,"]), (XFF, ["192.0.2.7, garbage"]), (XFF, ["unknown"]), (XFF, ["192.0.2.07"]), (XFF, ["192.0.2.7:99999"]),
    (XFF, ["fe80::1%eth0"]), (XFF, ["192.0.2.7 10.0.0.2"]), (XFF, [", ".join(["10.0.0.2"] * 17)]), (XFF, ["x" * 3000]), (XFF, ["[192.0.2.7]"]),
    (RFC7239, ["for=unknown"]), (RFC7239, ["for=_hidden"]), (RFC7239, ["for=192.0.2.7;for=192.0.2.8"]), (RFC7239, ["proto=https"]), (RFC7239, ["for=2001:db8::7"]),
    (RFC7239, ['for="[2001:db8::7"']), (RFC7239, ["for = 192.0.2.7"]), (RFC7239, ['for="192.0.2.7']), (RFC7239, ["for=192.0.2.7;"]), (RFC7239, ["192.0.2.7"]),
]


@pytest.mark.parametrize(("proxies", "values"), REFUSED)
def test_a_trusted_proxy_that_does_not_tell(proxies: TrustedProxies, values: list[str]) -> None:
    with pytest.raises(SourceRefused):
        forwarded_source(PROXY, values, proxies)


@pytest.mark.parametrize("proxies", [XFF, RFC7239])
def test_a_header_of_a_stranger_is_not_read(proxies: TrustedProxies) -> None:
    stranger = ip_address("203.0.113.9")
    for values in (["192.0.2.7"], ["for=192.0.2.7"], ["garbage"], []):
        assert forwarded_source(stranger, values, proxies) == stranger


def test_the_facts_say_whose_word_it_is() -> None:
    told = address_facts(ObservedAddress("10.0.0.1", "10.0.0.1", "peer", XFF, ("192.0.2.7",)))
    assert (told.source, told.peer, told.failure, told.told_by) == ("192.0.2.7", "10.0.0.1", None, "x_forwarded_for")
    told = address_facts(ObservedAddress("10.0.0.1", "192.0.2.7", "proxy_v2", XFF, ("198.51.100.1",)))
    assert (told.source, told.told_by) == ("192.0.2.7", "proxy_v2")
    told = address_facts(ObservedAddress("10.0.0.1", "10.0.0.2", "proxy_v1", XFF, ("198.51.100.1",)))
    assert (told.source, told.told_by) == ("198.51.100.1", "x_forwarded_for")
    told = address_facts(ObservedAddress("10.0.0.1", "10.0.0.1", "peer", XFF, ()))
    assert (told.source, told.failure) == (None, "malformed")


ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=4, network="10.0.0.0/8"), st.ip_addresses(v=6),
                    st.ip_addresses(v=6, network="2001:db8:1::/48"))


@given(ADDRESS, st.lists(ADDRESS, max_size=8), st.sampled_from([XFF, RFC7239]), st.integers(0, 3))
def test_against_a_plain_model(peer: object, hops: list[object], proxies: TrustedProxies, split: int) -> None:
    """What proxies of ours append is believed; what stands left of it changes nothing."""
    one = ip_address(str(peer))
    written = [str(h) if proxies is XFF else (f'for="[{h}]"' if ":" in str(h) else f"for={h}") for h in hops]
    values = [v for v in (", ".join(written[:split]), ", ".join(written[split:])) if v]
    expected = one
    for hop in reversed(hops):
        if not proxies.trusts(expected):
            break
        address = ip_address(str(hop))
        expected = getattr(address, "ipv4_mapped", None) or address
    if proxies.trusts(one) and not hops:
        with pytest.raises(SourceRefused):
            forwarded_source(one, values, proxies)
    else:
        assert forwarded_source(one, values, proxies) == expected


@given(st.lists(st.text(max_size=60), max_size=3), st.sampled_from([XFF, RFC7239]))
def test_any_header_tells_or_is_refused(values: list[str], proxies: TrustedProxies) -> None:
    with contextlib.suppress(SourceRefused):
        forwarded_source(PROXY, values, proxies)
