"""Which addresses belong to the public internet: for whatever connects to an address that a stranger chose.

Chat clients and servers alike use it, so it stands below all rooms.
"""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL = tuple(
    ipaddress.ip_network(one)
    for one in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",  # a service of the machine's host at one provider, like 169.254.169.254
        "3fff::/20",  # documentation (RFC 9637), which Python 3.11 does not know
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The upper half of an interface's identifier whose lower half is an IPv4 address (RFC 5214)."""

_UNICAST = ipaddress.ip_network("2000::/3")
"""The part of IPv6 that the public internet uses, apart from old forms that hold an IPv4 address."""


def is_public(host: str) -> bool:
    """Return whether an IP address (as text, with or without a zone) belongs to the public internet."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(str(inner))
        if address not in _UNICAST:
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address to which a packet for this address is carried in the end."""
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and (address in _NAT64 or int(address) >> 32 & 0xFFFFFFFF in _ISATAP):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner
