"""Ports to listen on: whether they are free, and how they are had."""

import errno
import os
import re
import resource
import socket

from serving.server.flags import ServerFlags
from serving.server.status import invalid_argument

_MAX_FILES = 2**16
_BACKLOG = 1024
_INT32 = range(-(2**31), 2**31)
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")


class PortError(RuntimeError):
    """A port or a socket that cannot be had."""

    def __init__(self, flag: str, value: int | str, cause: str) -> None:
        advice = f"Choose another path with --{flag}."
        if isinstance(value, int):
            advice = f"Stop what uses it, or choose another port with --{flag}."
        super().__init__(f"--{flag}={value}: {cause} {advice}")


def grpc_addresses(flags: ServerFlags) -> list[str]:
    """Where gRPC listens, in upstream's words: TCP unless the port is 0, the socket."""
    tcp = [f"0.0.0.0:{flags.port}"] if flags.port else []
    unix = [f"UNIX socket {flags.grpc_socket_path}"] if flags.grpc_socket_path else []
    return tcp + unix


def check_ports(flags: ServerFlags) -> None:
    """Finds out early what would fail when the ports open; listens nowhere.

    Raises:
        PortError: one of them is taken.
    """
    if flags.port:
        _bind(socket.AF_INET, "port", flags.port).close()
    if flags.rest_api_port and flags.rest_api_port != flags.port:
        bind_http("rest_api_port", flags.rest_api_port).close()


def raise_file_limit() -> None:
    """Lets the process have as many connections as the system allows it to ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MAX_FILES) if hard != resource.RLIM_INFINITY else _MAX_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def channel_options(arguments: str) -> list[tuple[str, int | str]]:
    """`--grpc_channel_arguments`, "a=1,b=x": int32 where it is one, else text.

    Raises:
        StatusError: an argument without a value.
    """
    options: list[tuple[str, int | str]] = []
    for argument in arguments.split(",") if arguments else []:
        # What follows a second "=" is dropped, as upstream drops it.
        name, *values = argument.split("=")
        if not name or not values:
            raise invalid_argument(
                f"grpc_channel_arguments takes name=value, separated by commas; "
                f"received {argument!r}."
            )
        is_int = _INTEGER.fullmatch(values[0]) and int(values[0]) in _INT32
        options.append((name, int(values[0]) if is_int else values[0]))
    return options


def bind_http(flag: str, port: int) -> socket.socket:
    """A socket on IPv6 and IPv4, or on IPv4 where there is no other.

    It does not listen yet: connections are refused.

    Raises:
        PortError: the port is taken.
    """
    # Where only IPv4 is taken, a dual-stack socket can still be bound on some systems.
    only_ipv4 = _bind(socket.AF_INET, flag, port)
    if not socket.has_dualstack_ipv6():
        return only_ipv4
    only_ipv4.close()
    return _bind(socket.AF_INET6, flag, port)


def listen(bound: socket.socket, flag: str, port: int) -> None:
    """Lets connections come.

    Raises:
        PortError: somebody who bound the port as well was quicker.
    """
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        raise _port_error(flag, port, error) from None


def _bind(family: int, flag: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of the server before, which are still closing, do not matter.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("", port))
    except OSError as error:
        bound.close()
        raise _port_error(flag, port, error) from None
    return bound


def _port_error(flag: str, port: int, error: OSError) -> PortError:
    busy = error.errno == errno.EADDRINUSE
    cause = "the port is in use" if busy else os.strerror(error.errno or 0)
    return PortError(flag, port, f"{cause}.")
