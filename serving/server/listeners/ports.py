"""Sockets to listen on, bound before anything expensive starts."""

import errno
import os
import pathlib
import re
import resource
import socket
import stat

import grpc

from serving.server.flags import ServerFlags
from serving.server.status import invalid_argument

# `sun_path` of Linux, less its closing zero.
_MAX_SOCKET_PATH_BYTES = 107
_MAX_FILES = 2**16
_INT32 = range(-(2**31), 2**31)
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")


class PortError(RuntimeError):
    """A port or a socket that cannot be had."""

    def __init__(self, flag: str, value: int | str, cause: str) -> None:
        super().__init__(
            f"--{flag}={value}: {cause} Stop what uses it, or choose another "
            f"{'port' if isinstance(value, int) else 'path'} with --{flag}."
        )


def grpc_addresses(flags: ServerFlags) -> list[str]:
    """Where gRPC listens, as gRPC spells it: TCP unless the port is 0, the socket."""
    tcp = [f"0.0.0.0:{flags.port}"] if flags.port else []
    unix = [f"unix:{flags.grpc_socket_path}"] if flags.grpc_socket_path else []
    return tcp + unix


def bind_grpc(
    server: grpc.aio.Server,
    flags: ServerFlags,
    credentials: grpc.ServerCredentials | None = None,
) -> None:
    """Gives a gRPC server its addresses, encrypted when there are credentials.

    Raises:
        PortError: one of them is taken.
    """
    # gRPC says nothing useful about a busy port, so ask the system first.
    if flags.port:
        _listen(socket.AF_INET, "port", flags.port).close()
    if flags.grpc_socket_path:
        _check_socket(flags.grpc_socket_path)
    for address in grpc_addresses(flags):
        flag = "grpc_socket_path" if address.startswith("unix:") else "port"
        try:
            if credentials is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise PortError(flag, getattr(flags, flag), f"{error}.") from None
    if flags.grpc_socket_path and flags.grpc_socket_mode:
        os.chmod(flags.grpc_socket_path, int(flags.grpc_socket_mode, 8))


def raise_file_limit() -> None:
    """Lets the process have as many connections as the system allows it to ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MAX_FILES) if hard != resource.RLIM_INFINITY else _MAX_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def remove_socket(flags: ServerFlags) -> None:
    """Leaves no socket file behind; for the end."""
    if flags.grpc_socket_path:
        pathlib.Path(flags.grpc_socket_path).unlink(missing_ok=True)


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


def bind_rest(port: int) -> socket.socket:
    """A listening socket on IPv6 and IPv4, or on IPv4 where there is no other.

    Raises:
        PortError: the port is taken.
    """
    # Where only IPv4 is taken, a dual-stack socket can still be bound on some systems.
    only_ipv4 = _listen(socket.AF_INET, "rest_api_port", port)
    if not socket.has_dualstack_ipv6():
        return only_ipv4
    only_ipv4.close()
    return _listen(socket.AF_INET6, "rest_api_port", port)


def _listen(family: int, flag: str, port: int) -> socket.socket:
    dualstack = family == socket.AF_INET6
    try:
        return socket.create_server(
            ("", port), family=family, backlog=1024, dualstack_ipv6=dualstack
        )
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        cause = "the port is in use" if busy else os.strerror(error.errno or 0)
        raise PortError(flag, port, f"{cause}.") from None


def _check_socket(path: str) -> None:
    """Lets gRPC have `path`, where it removes any socket, in use or not."""
    flag = "grpc_socket_path"
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_BYTES:
        cause = f"the path is longer than {_MAX_SOCKET_PATH_BYTES} bytes."
        raise PortError(flag, path, cause)
    if not pathlib.Path(path).parent.is_dir():
        raise PortError(flag, path, "its directory does not exist.")
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise PortError(flag, path, "there is a file of another kind.")
    if _listens(path):
        raise PortError(flag, path, "the socket is in use.")


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        # Full, slow or forbidden: somebody is there.
        return probe.connect_ex(path) != errno.ECONNREFUSED
