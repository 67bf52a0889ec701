"""The file of a Unix socket, which a new server takes over from an old one."""

import contextlib
import errno
import fcntl
import logging
import os
import pathlib
import secrets
import socket
import stat
import urllib.parse
from collections.abc import Iterator

from serving.server.listeners.ports import PortError

log = logging.getLogger(__name__)

# `sun_path` of Linux, less its closing zero.
_MAX_PATH_BYTES = 107
_FLAG = "grpc_socket_path"


class UnixSocketFile:
    """Where clients on this machine find the server.

    gRPC would remove a socket that is there before it binds, and its own path when it
    ends, whoever listens there by then. So it binds a name beside the path, which is
    then renamed: clients find the old server or the new one, never none, and the old
    one removes nothing but its own.
    """

    def __init__(self, path: str, mode: str = "") -> None:
        """Takes the path, and permissions in octal; without, the umask's count."""
        self._path = path
        self._mode = mode
        self._bound_path = ""
        self._identity: tuple[int, int, int] | None = None

    def check(self) -> None:
        """Raises `PortError` for a path where no socket can be."""
        length = len(os.fsencode(self._path))
        if length > _MAX_PATH_BYTES:
            raise self._error(
                f"the path has {length} bytes, more than the {_MAX_PATH_BYTES} that a "
                "socket's may have."
            )
        folder = pathlib.Path(self._path).parent
        if not folder.is_dir():
            raise self._error("its directory does not exist.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise self._error("its directory may not be written to.")
        # As gRPC does, through links.
        if os.path.lexists(self._path) and not pathlib.Path(self._path).is_socket():
            raise self._error(f"there is {_kind(self._path)}, which stays untouched.")

    def choose_address(self) -> str:
        """Returns what gRPC shall bind; `publish` comes next.

        Raises:
            PortError: as `check`.
        """
        self.check()
        path = pathlib.Path(self._path)
        # No longer than the path may be: the folder's name may leave but a byte.
        longest = _MAX_PATH_BYTES - len(os.fsencode(path.parent / "x")) + 1
        name = path.name
        while name == path.name or os.path.lexists(path.parent / name):
            name = secrets.token_hex(4)[:longest]
        self._bound_path = str(path.parent / name)
        return f"unix:{urllib.parse.quote(self._bound_path)}"

    def publish(self) -> None:
        """Gives the socket its path; whoever had it keeps the clients that it has.

        Raises:
            PortError: something else is there by now, or may not be replaced.
        """
        try:
            if self._mode:
                os.chmod(self._bound_path, int(self._mode, 8))
            with self._locked():
                self.check()
                if _listens(self._path):
                    log.warning("Took %s over from a server that runs.", self._path)
                self._identity = _identity(self._bound_path)
                os.rename(self._bound_path, self._path)
        except OSError as error:
            self._identity = None
            raise self._error(f"{os.strerror(error.errno or 0)}.") from None
        finally:
            pathlib.Path(self._bound_path).unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes the file at the end, unless another server has taken the path."""
        if self._identity is None:
            return
        with contextlib.suppress(OSError), self._locked():
            if _identity(self._path) == self._identity:
                os.unlink(self._path)
        self._identity = None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other servers of ours from looking and renaming at the same time."""
        folder = None
        try:
            # A file system that has no locks leaves a gap of microseconds.
            with contextlib.suppress(OSError):
                folder = os.open(pathlib.Path(self._path).parent, os.O_RDONLY)
                fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            if folder is not None:
                os.close(folder)

    def _error(self, cause: str) -> PortError:
        return PortError(_FLAG, self._path, cause)


def _identity(path: str) -> tuple[int, int, int]:
    found = os.stat(path, follow_symlinks=False)
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _kind(path: str) -> str:
    if os.path.islink(path):
        return "a link to something else than a socket"
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a file" if stat.S_ISREG(mode) else "something else than a socket"


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)
