"""Which endpoints are this machine: nothing leaves it, and no proxy may stand between.

gRPC takes more than HOST:PORT: github.com/grpc/grpc, doc/naming.md.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import urllib.parse

UNIX = "unix:"
_UNIX_ABSTRACT = "unix-abstract:"
_TARGET = re.compile(r"(dns|ipv4|ipv6):(?://(?P<authority>[^/]*)/)?", re.IGNORECASE)
_URL = re.compile(r"https?://", re.IGNORECASE)
_ROOTED = re.compile(r"\blocalhost\.(?=[:/,]|$)", re.IGNORECASE)
# What the system's resolver takes for an IPv4 address: also 127.1 and 0x7f000001.
_NUMBER = re.compile(r"[+-]?[0-9]+")
_NUMERIC = re.compile(r"(0x)?[0-9a-f]+(\.(0x)?[0-9a-f]+){0,3}", re.IGNORECASE)


def is_url(endpoint: str) -> bool:
    """True when it begins with `http://` or `https://`."""
    return _URL.match(endpoint) is not None


def is_grpc_target(endpoint: str) -> bool:
    """True for names that only gRPC knows, such as `dns:///host:port`."""
    return _TARGET.match(endpoint) is not None or endpoint.startswith(_UNIX_ABSTRACT)


def is_this_machine(endpoint: str) -> bool:
    """True where the endpoint, or every address of its list, is this machine."""
    if endpoint.startswith((UNIX, _UNIX_ABSTRACT)):
        return True
    target = _TARGET.match(endpoint)
    if target is None:
        return _is_local_host(_host(endpoint))
    # Another name server may say of "localhost" what it likes.
    names_count = not target["authority"]
    addresses = urllib.parse.unquote(endpoint[target.end() :]).split(",")
    return all(_is_local_host(_host(each), names_count) for each in addresses)


def resolvable(endpoint: str) -> str:
    """Gives the endpoint as every resolver takes it: many know no `localhost.`."""
    return _ROOTED.sub("localhost", endpoint) if is_this_machine(endpoint) else endpoint


def may_hold_secrets(endpoint: str) -> bool:
    """True where it has more than a URL or an address needs: a user, a query."""
    if endpoint.startswith((UNIX, _UNIX_ABSTRACT)):
        return False
    return "@" in endpoint or (is_url(endpoint) and not {"?", "#"}.isdisjoint(endpoint))


def wrong_port(endpoint: str) -> str | None:
    """Finds a port that nobody can listen on; gRPC would take it modulo 65536."""
    if endpoint.startswith((UNIX, _UNIX_ABSTRACT)):
        return None
    scheme = _TARGET.match(endpoint) or _URL.match(endpoint)
    named = endpoint[scheme.end() :] if scheme else endpoint
    for each in named.partition("/")[0].split(","):
        host, _, port = each.rpartition(":")
        is_ipv6_alone = ":" in host and not host.endswith("]")
        if is_ipv6_alone or not _NUMBER.fullmatch(port):
            continue
        if int(port[:9]) not in range(1, 2**16):
            return port
    return None


def _is_local_host(host: str, names_count: bool = True) -> bool:
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return names_count
    try:
        address = _ip_address(name)
    except (ValueError, OSError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    # To dial "every address", 0.0.0.0 or [::], is to dial this machine.
    return address.is_loopback or address.is_unspecified


def _ip_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if _NUMERIC.fullmatch(name):
        return ipaddress.IPv4Address(socket.inet_aton(name))
    return ipaddress.ip_address(name)


def _host(endpoint: str) -> str:
    """Finds the host of `HOST:PORT` or a URL, without brackets, port or scheme."""
    url = endpoint if is_url(endpoint) else f"//{endpoint}"
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return endpoint
