"""Which URLs of customers we speak to. Pure.

Only https, on a few ports, to a name of the public DNS that resolves to public addresses alone. The connection then goes to
the very address that was looked at, so that a name which changes its answer in between gains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

LONGEST_URL = 2000
VISIBLE_ASCII = re.compile(r"[!-~]+")
NAME = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
INNER_NAMES = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home", ".corp", ".arpa", ".onion", ".test")
GLOBAL_UNICAST = IPv6Network("2000::/3")
# Teredo and its like and 6to4, which hold another address; documentation (RFC 9637).
NOT_FOR_US_6 = tuple(IPv6Network(net) for net in ("2001::/23", "2002::/16", "3fff::/20"))
# Azure's own agent on every machine; the relay of 6to4; IETF's own (RFC 6890).
NOT_FOR_US_4 = tuple(IPv4Network(net) for net in ("168.63.129.16/32", "192.88.99.0/24", "192.0.0.0/24"))
LOOPBACK = ("127.0.0.1", "::1")


class AddressRefused(Exception):
    """We do not speak to this address; the text says why, without telling what stands there."""

    code = "AddressRefused"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that may be spoken to, in parts. `is_local`: on this machine, because development says so."""

    host: str
    port: int
    path: str
    is_local: bool = False


def parse(url: str, *, ports: Collection[int], local: Collection[str] = ()) -> Address:
    """The parts of a customer's URL. `local` holds host:port pairs of this machine that development allows.

    Raises AddressRefused.
    """
    if len(url) > LONGEST_URL or not VISIBLE_ASCII.fullmatch(url) or "\\" in url:
        raise AddressRefused(f"A URL is made of at most {LONGEST_URL} visible ASCII characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 443 if parts.port is None else parts.port
    except ValueError as error:
        raise AddressRefused("This is not a URL.") from error
    if parts.scheme != "https":
        raise AddressRefused("A URL must begin with https://.")
    if "@" in parts.netloc or parts.fragment or parts.netloc.endswith(":"):
        raise AddressRefused("A URL holds no user, no password and no fragment.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if f"{host}:{port}" in local:
        return Address(host, port, path, is_local=True)
    _check_public_name(host)
    if port not in ports:
        raise AddressRefused(f"The port must be one of {', '.join(map(str, sorted(ports)))}.")
    return Address(host, port, path)


def pin(address: Address, resolver: Resolver) -> str:
    """The one address to connect to. Every address of the name must be public, or none is spoken to.

    Raises AddressRefused, and OSError where the name does not resolve.
    """
    found = resolver(address.host, address.port)
    if not found:
        raise OSError("The name has no address.")
    for one in found:
        if address.is_local and one in LOOPBACK:
            continue
        if not is_public(ip_address(one)):
            raise AddressRefused("The name leads to an address that is not public.")
    return found[0]


def is_public(ip: IpAddress) -> bool:
    """True for addresses of the public internet alone: not private, shared (CGNAT), link-local, loopback, multicast,
    reserved, nor an IPv6 address that stands for another (mapped, NAT64, 6to4, Teredo)."""
    if isinstance(ip, IPv6Address):
        inside = ip in GLOBAL_UNICAST and ip.scope_id is None and not any(ip in net for net in NOT_FOR_US_6)
        return inside and ip.is_global
    return ip.is_global and not (ip.is_multicast or ip.is_reserved) and not any(ip in net for net in NOT_FOR_US_4)


def _check_public_name(host: str) -> None:
    """Names alone: an address in figures, in whatever notation, ends in a label that begins with a figure."""
    if not NAME.fullmatch(host):
        raise AddressRefused("The host must be a full name of the public DNS.")
    if host.endswith(INNER_NAMES):
        raise AddressRefused("The host's name is not one of the public DNS.")
