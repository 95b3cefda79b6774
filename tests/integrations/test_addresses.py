from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.addresses import AllowList, readable, refused_because

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

CLOSED = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_open(address: str) -> None:
    assert refused_because(ip_address(address)) == ""


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_that_is_not_plainly_public_is_refused_with_a_reason(address: str) -> None:
    assert refused_because(ip_address(address))


@given(st.ip_addresses(v=4))
def test_nothing_that_python_calls_local_is_open(address: IPv4Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved:
        assert refused_because(address)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_like_itself(address: IPv4Address) -> None:
    for prefix in ("::ffff:", "64:ff9b::"):
        assert refused_because(IPv6Address(f"{prefix}{address}")) == refused_because(address)


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_open_in_ipv6(address: IPv6Address) -> None:
    if not refused_because(address):
        assert address.is_global or int(address) >> 32 == 0x64FF9B << 64


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("10.0.0.0/8", "10.4.5.6"),
        ("10.0.0.5/8", "10.4.5.6"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("fd00::/8", "fd12::3"),
    ],
)
def test_the_allow_list_opens_addresses_and_networks(entry: str, address: str) -> None:
    assert AllowList.parse([entry]).opens(ip_address(address))


def test_the_allow_list_opens_nothing_beyond_its_entries() -> None:
    allowed = AllowList.parse(["10.0.0.0/24", "ledger.internal"])

    assert not allowed.opens(ip_address("10.0.1.1"))
    assert not allowed.opens(ip_address("::1"))
    assert not allowed.names("internal")
    assert not allowed.names("evil-ledger.internal")
    assert not allowed.names("10.0.1.1")


@pytest.mark.parametrize("host", ["ledger.internal", "LEDGER.internal", "ledger.internal."])
def test_the_allow_list_knows_a_host_by_its_name(host: str) -> None:
    assert AllowList.parse(["Ledger.Internal"]).names(host)


def test_the_allow_list_knows_a_host_by_its_address() -> None:
    assert AllowList.parse(["127.0.0.0/8"]).names("127.0.0.1")


@pytest.mark.parametrize("entry", ["ledger", "ledger.example", "10.0.0.5", "10.0.0.0/24", "[::1]"])
def test_hosts_addresses_and_networks_are_readable_entries(entry: str) -> None:
    assert readable(entry)


@pytest.mark.parametrize(
    "entry", ["", "https://x", "localhost:80", "a/b", "*", "*.x", "10.0.0.0/99"]
)
def test_other_entries_are_not_readable(entry: str) -> None:
    assert not readable(entry)
