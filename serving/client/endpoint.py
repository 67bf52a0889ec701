"""Where a server is: what `HOST:PORT`, a URL, or `unix:/path` says."""

import ipaddress
import urllib.parse

_UNIX = "unix:"


def is_url(endpoint: str) -> bool:
    """Tells whether it begins with `http://` or `https://`."""
    return endpoint.startswith(("http://", "https://"))


def unix_path(endpoint: str) -> str | None:
    """Finds a socket file's path in `unix:/path` or `unix:///path`; else None."""
    if not endpoint.startswith(_UNIX):
        return None
    path = endpoint.removeprefix(_UNIX)
    return path.removeprefix("//") if path.startswith("///") else path


def host_of(endpoint: str) -> str:
    """Finds the host, without brackets, port or scheme; empty for a socket file."""
    if unix_path(endpoint) is not None:
        return ""
    scheme, slashes, rest = endpoint.partition("//")
    # gRPC also takes `dns:///host:port`, where the authority before the host is empty.
    address = rest.lstrip("/") if slashes else scheme
    try:
        return urllib.parse.urlsplit(f"//{address}").hostname or ""
    except ValueError:
        return address


def is_local(endpoint: str) -> bool:
    """Tells whether nothing leaves this machine."""
    if unix_path(endpoint) is not None:
        return True
    host = host_of(endpoint)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
