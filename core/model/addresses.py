"""Which addresses a delivery may reach.

One explicit list: `ipaddress`'s own `is_global` calls NAT64, site-local and multicast addresses global
(CVE-2024-4032, and after its fix still). Sources: the IANA special-purpose address registries
(RFC 6890, RFC 8190) and what the clouds publish about their metadata services.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORBIDDEN_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # "this host"; 0.0.0.0 reaches loopback on Linux
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure WireServer, looks public
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_FORBIDDEN_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation, RFC 9637
    )
)
_EMBEDDINGS: Final = tuple(
    IPv6Network(network)
    for network in (
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # SIIT
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # local NAT64, RFC 8215
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
    )
)
_COMPATIBLE: Final = IPv6Network("::/96")
_LOOPBACK_V6: Final = IPv6Address("::1")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})  # bits 64 to 95, under any prefix: RFC 5214, 6.1
_METADATA: Final[frozenset[Address]] = frozenset(
    {
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("168.63.129.16"),  # Azure WireServer
        IPv4Address("169.254.169.254"),
        IPv4Address("169.254.170.2"),  # AWS ECS
        IPv4Address("169.254.170.23"),  # AWS EKS
        IPv4Address("192.0.0.192"),  # Oracle
        IPv6Address("fd00:c1::a9fe:a9fe"),  # Oracle
        IPv6Address("fd00:ec2::23"),  # AWS EKS
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd20:ce::254"),  # Google
        IPv6Address("fe80::a9fe:a9fe"),  # OpenStack
    }
)


def judge(address: Address, allowed: tuple[Network, ...]) -> bool:
    """Tell whether a delivery may connect to this address.

    `allowed` are the operator's networks. They open no address that carries an IPv4 address in itself,
    and a metadata service only if it is named alone, as a /32 or /128.
    """
    if isinstance(address, IPv6Address) and (address.scope_id is not None or _embeds(address)):
        return False
    if address in _METADATA:
        return any(network.num_addresses == 1 and address in network for network in allowed)
    return any(address in network for network in allowed) or _is_public(address)


def _embeds(address: IPv6Address) -> bool:
    if address in _COMPATIBLE:
        return address != _LOOPBACK_V6
    return (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP or any(address in part for part in _EMBEDDINGS)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _FORBIDDEN_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _FORBIDDEN_V6)
