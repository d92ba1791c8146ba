"""Which address a host's name leads to, and whether a step may go there.

A name is looked up once and the request goes to what was found, so that no second answer of a name server can lead it
elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from .failure import CALL_FAILED, CALL_REFUSED, CallFailed

LookUp = Callable[..., Any]
"""As socket.getaddrinfo."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
"""Where clouds tell a machine its own credentials."""


def addresses_of(host: str, port: int, look_up: LookUp = socket.getaddrinfo) -> list[str]:
    """The addresses that a request to this host may go to, in the order to try them. Raises CallFailed.

    The host is the one that the Connection names, so it may be private; an address of this machine, of the network
    link or of a cloud's metadata it may only be where the Connection says so in as many words.
    """
    try:
        found = look_up(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallFailed(CALL_FAILED, f"{host} is not known: {error}") from error
    addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
    allowed = [address for address in addresses if is_allowed(host, address)]
    if not allowed:
        raise CallFailed(
            CALL_REFUSED,
            f"{host} leads to {', '.join(addresses)}: an address of this machine, its network link or a cloud's "
            "metadata, where no step goes unless the Connection's url has that address itself",
        )
    return allowed


def is_allowed(host: str, address: str) -> bool:
    """Whether a request to `host` may go to this address."""
    parsed = _plain(ipaddress.ip_address(address))
    named = _literal(host)
    if named is not None:
        return named == parsed
    if parsed.is_loopback:
        return host.rstrip(".").lower() == "localhost"
    unusual = parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed.is_reserved
    return not unusual and parsed not in _METADATA


def _literal(host: str) -> Address | None:
    try:
        return _plain(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 is that IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address
