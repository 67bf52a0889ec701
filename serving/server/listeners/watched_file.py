"""A file that others may replace while the server runs."""

import os
import pathlib
import stat
import threading
import time
from collections.abc import Callable

CHECK_INTERVAL_S = 1.0


class WatchedFile:
    """Content of a file, and whether it is another one now.

    Looking costs one `stat` at most once a second, so callers may ask per request.
    """

    def __init__(
        self, path: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._identity()
        self._due_s = clock() + CHECK_INTERVAL_S

    def read(self) -> str:
        """The whole file.

        Raises:
            OSError: it cannot be read.
            UnicodeDecodeError: it is no UTF-8.
        """
        return pathlib.Path(self.path).read_text(encoding="utf-8")

    def has_changed(self) -> bool:
        """True once per change; a file that is gone for now has not changed."""
        now_s = self._clock()
        if now_s < self._due_s:
            return False
        with self._lock:
            self._due_s = now_s + CHECK_INTERVAL_S
            found = self._identity()
            if found is None or found == self._seen:
                return False
            self._seen = found
            return True

    def exposure(self) -> str:
        """Who besides the owner can use the file, or nothing."""
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "others can write it"
        return "everybody can read it" if mode & stat.S_IROTH else ""

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            # Follows links: Kubernetes swaps a link when a mounted secret changes.
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
