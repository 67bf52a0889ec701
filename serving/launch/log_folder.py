"""Where a server's log and configuration go: a folder that was named, or one of ours.

Ours is in the temporary folder and goes with the server. Who is killed cannot tidy up,
so whoever starts a server next does: a lock says which folders are still in use.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

_PREFIX = "model-server-"
_HELD = ".held"
"""Locked as long as the process lives that made the folder."""


class LogFolder:
    """A folder for one server's files. `keeps_log` is set when somebody should read it.

    Raises:
        OSError: There is no place for it.
    """

    def __init__(self, named: str | os.PathLike[str] | None = None) -> None:
        self.keeps_log = False
        self._lock: BinaryIO | None = None
        if named:
            self.path = pathlib.Path(named).absolute()
            self.path.mkdir(parents=True, exist_ok=True)
            return
        for left in _left():
            shutil.rmtree(left, ignore_errors=True)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX)).absolute()
        try:
            self._lock = _hold(self.path)
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def close(self) -> None:
        """Removes a folder of ours. With `keeps_log`, the next server's start does."""
        if self._lock is None:
            return
        if not self.keeps_log:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()
        self._lock = None


def _hold(folder: pathlib.Path) -> BinaryIO:
    """Locks a file before it gets the name by which others know that they may ask."""
    unlocked = folder / f"{_HELD}.new"
    lock = unlocked.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unlocked.rename(folder / _HELD)
    return lock


def _left() -> Iterator[pathlib.Path]:
    """Finds folders of this user whose makers are dead."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Gone meanwhile, another user's, or without a lock: not ours to judge.
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            with (folder / _HELD).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield folder
