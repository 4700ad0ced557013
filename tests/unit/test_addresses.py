from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.model.addresses import Network, judge

FORBIDDEN_V4 = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
    *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
)
EVERYTHING: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

Embedding = Callable[[int], int]
EMBEDDINGS: dict[str, Embedding] = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "compatible": lambda v4: v4,
    "SIIT": lambda v4: 0xFFFF << 48 | v4,
    "NAT64": lambda v4: 0x0064_FF9B << 96 | v4,
    "local NAT64": lambda v4: 0x0064_FF9B_0001 << 80 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "Teredo server": lambda v4: 0x2001 << 112 | v4 << 64,
    "Teredo client, obfuscated": lambda v4: 0x2001 << 112 | (v4 ^ 0xFFFF_FFFF),
    "ISATAP, private": lambda v4: 0xFE80 << 112 | 0x5EFE << 32 | v4,
    "ISATAP, global prefix": lambda v4: 0x2A00_1450 << 96 | 0x0200_5EFE << 32 | v4,
}


def members(network: str) -> st.SearchStrategy[IPv4Address]:
    """Return a strategy for the addresses of a network, its first and last above all."""
    parsed = IPv4Network(network)
    first, last = int(parsed.network_address), int(parsed.broadcast_address)
    return (st.sampled_from([first, last]) | st.integers(first, last)).map(IPv4Address)


forbidden = st.sampled_from(FORBIDDEN_V4).flatmap(members)


@given(forbidden)
def test_every_forbidden_ipv4_address_is_refused(address: IPv4Address) -> None:
    assert not judge(address, ())


@given(forbidden, st.sampled_from(sorted(EMBEDDINGS)))
def test_every_forbidden_ipv4_address_is_refused_in_every_embedding(address: IPv4Address, way: str) -> None:
    embedded = IPv6Address(EMBEDDINGS[way](int(address)))
    assume(embedded != IPv6Address("::1"))  # also plain loopback, which an operator may allow

    assert not judge(embedded, EVERYTHING)


@given(st.ip_addresses(v=4).filter(lambda it: not any(it in IPv4Network(part) for part in FORBIDDEN_V4)))
def test_every_other_ipv4_address_is_allowed(address: IPv4Address) -> None:
    assert judge(address, ())


@given(st.ip_addresses(v=6).filter(lambda it: it not in IPv6Network("2000::/3")))
def test_every_ipv6_address_outside_the_global_range_is_refused(address: IPv6Address) -> None:
    assert not judge(address, ())


@pytest.mark.parametrize(
    "address",
    [
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "ff02::1", "100::1", "5f00::1"),
        *("2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2620:4f:8000::1", "3fff::1"),
    ],
)
def test_a_special_ipv6_address_is_refused(address: str) -> None:
    assert not judge(ip_address(address), ())


@pytest.mark.parametrize("address", ["2a00:1450::1", "2606:4700:4700::1111", "2001:4860:4860::8888", "11.22.33.44"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert judge(ip_address(address), ())


@pytest.mark.parametrize(
    ("address", "network"),
    [("127.0.0.1", "127.0.0.0/8"), ("10.1.2.3", "10.0.0.0/8"), ("::1", "::1/128"), ("fd12::1", "fd12::/16")],
)
def test_an_operator_may_open_a_private_network(address: str, network: str) -> None:
    assert judge(ip_address(address), (ip_network(network),))


def test_opening_one_network_opens_no_other() -> None:
    assert not judge(ip_address("10.0.0.1"), (IPv4Network("127.0.0.0/8"),))


METADATA = (
    *("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fe80::a9fe:a9fe"),
)


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_stays_closed_inside_an_open_network(address: str) -> None:
    assert not judge(ip_address(address), EVERYTHING)


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_opens_when_it_is_named_alone(address: str) -> None:
    assert judge(ip_address(address), (ip_network(address),))
