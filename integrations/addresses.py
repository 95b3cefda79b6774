"""Which addresses an outside call may reach: pure, no look-ups.

Rewire calls addresses that people typed in, from inside its own network. Whatever is not
plainly public is refused, unless ``REWIRE_HTTP_ALLOWED_HOSTS`` names it. The table follows
the IANA special-purpose registries and is spelled out here, for ``ipaddress.is_private``
changes between Python releases and misses shared, translated and tunnelled addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_V4 = [
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "means this machine"),
        ("10.0.0.0/8", "is private"),
        ("100.64.0.0/10", "is shared by a provider's network"),
        ("127.0.0.0/8", "is this machine's own"),
        ("168.63.129.16/32", "is a cloud platform's own"),
        ("169.254.0.0/16", "is link-local"),
        ("172.16.0.0/12", "is private"),
        ("192.0.0.0/24", "is reserved"),
        ("192.0.2.0/24", "is reserved for documentation"),
        ("192.88.99.0/24", "is a tunnel's"),
        ("192.168.0.0/16", "is private"),
        ("198.18.0.0/15", "is reserved for measurements"),
        ("198.51.100.0/24", "is reserved for documentation"),
        ("203.0.113.0/24", "is reserved for documentation"),
        ("224.0.0.0/4", "is a multicast address"),
        ("240.0.0.0/4", "is reserved"),
    )
]

REFUSED_V6 = [
    (IPv6Network(network), why)
    for network, why in (
        ("::/128", "means this machine"),
        ("::1/128", "is this machine's own"),
        ("fc00::/7", "is private"),
        ("fe80::/10", "is link-local"),
        ("fec0::/10", "is private"),
        ("ff00::/8", "is a multicast address"),
        ("64:ff9b:1::/48", "is a translated private address"),
        ("2001::/32", "is a tunnel's"),
        ("2001::/23", "is reserved"),
        ("2001:db8::/32", "is reserved for documentation"),
        ("2002::/16", "is a tunnel's"),
        ("3fff::/20", "is reserved for documentation"),
    )
]

PUBLIC_V6 = IPv6Network("2000::/3")
MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")

HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)


def meant(address: Address) -> Address:
    """The IPv4 address that a mapped or NAT64 address stands for, else the address itself."""
    if isinstance(address, IPv6Address) and (address in MAPPED or address in NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def refused_because(address: Address) -> str:
    """Why an address is out of bounds, as the end of a sentence; empty for a public one."""
    address = meant(address)
    table = REFUSED_V4 if isinstance(address, IPv4Address) else REFUSED_V6
    for network, why in table:
        if address in network:
            return why
    if isinstance(address, IPv6Address) and address not in PUBLIC_V6:
        return "is reserved"
    return ""


@dataclass(frozen=True, slots=True)
class AllowList:
    """The hosts and networks an installation has opened to outside calls."""

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read host names, addresses and CIDRs. What cannot be read opens nothing."""
        networks = {entry: network_of(entry) for entry in entries}
        return cls(
            hosts=frozenset(_plain(entry) for entry, network in networks.items() if not network),
            networks=tuple(network for network in networks.values() if network),
        )

    def names(self, host: str) -> bool:
        """Whether this host is on the list by its own name or address."""
        network = network_of(host)
        return _plain(host) in self.hosts or bool(network and self.opens(network[0]))

    def opens(self, address: Address) -> bool:
        address = meant(address)
        return any(address in network for network in self.networks)


def network_of(entry: str) -> Network | None:
    """The network that an address or CIDR writes; None for anything else, such as a name."""
    try:
        return ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def readable(entry: str) -> bool:
    """Whether an allow-list entry is a host name, an address or a CIDR: no scheme, no port."""
    return bool(network_of(entry) or HOST_NAME.fullmatch(entry.lower()))


def address_of(text: str) -> Address:
    """Read a resolver's answer. Raises ValueError."""
    return ip_address(text)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
