"""A file with secrets that others may replace while the server runs."""

import logging
import os
import pathlib
import stat
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from serving.server.status import invalid_argument

log = logging.getLogger(__name__)

CHECK_INTERVAL_S = 1.0

_Value = TypeVar("_Value")


class WatchedFile(Generic[_Value]):
    """What a file says, followed as it changes.

    Looking costs one `stat` at most once a second, so callers may ask per request. A
    bad new file leaves the old value in use and says so in the log; a file that is gone
    for now has not changed.

    Args:
        flag: that names the file.
        parse: makes the value of the text; raises `ValueError` with all that there is
            to say.
        secret: what it holds, for a warning if others can use it.
        kept: what stays when a new file is bad.
        clock: seconds that never go back.

    Raises:
        StatusError: INVALID_ARGUMENT, the file cannot be read or parsed at the start.
    """

    def __init__(
        self,
        path: str,
        parse: Callable[[str], _Value],
        *,
        flag: str,
        secret: str,
        kept: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._parse = parse
        self._flag = flag
        self._secret = secret
        self._kept = kept
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._identity()
        self._due_s = clock() + CHECK_INTERVAL_S
        try:
            self._value = self._read()
        except ValueError as error:
            raise invalid_argument(str(error)) from None

    def current(self) -> _Value:
        """Gives the value of the last good content."""
        if self._clock() >= self._due_s:
            with self._lock:
                self._follow()
        return self._value

    def _follow(self) -> None:
        self._due_s = self._clock() + CHECK_INTERVAL_S
        found = self._identity()
        if found is None or found == self._seen:
            return
        self._seen = found
        try:
            self._value = self._read()
        except ValueError as error:
            log.error("Kept %s: %s", self._kept, error)
        else:
            log.info("Read %s again.", self._path)

    def _read(self) -> _Value:
        try:
            text = pathlib.Path(self._path).read_text(encoding="utf-8")
            mode = stat.S_IMODE(os.stat(self._path).st_mode)
        except (OSError, UnicodeDecodeError) as error:
            message = f"Cannot read {self._flag} {self._path}: {error}"
            raise ValueError(message) from None
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            self._warn("others can write it")
        elif mode & stat.S_IROTH:
            self._warn("everybody can read it")
        try:
            return self._parse(text)
        except OSError as error:  # Out of files or memory, not the content's fault.
            message = f"Cannot use {self._flag} {self._path}: {error}"
            raise ValueError(message) from None

    def _warn(self, exposure: str) -> None:
        log.warning("%s holds %s, and %s.", self._path, self._secret, exposure)

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            # Follows links: Kubernetes swaps a link when a mounted secret changes.
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
