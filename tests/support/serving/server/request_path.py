"""Which of our files a request passes in a server, and in how many calls."""

import collections
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

REPOSITORY = pathlib.Path(__file__).parents[3]
SETTLE_S = 0.2
"""After the answer has come, the server still counts it."""


class Passage:
    """The calls into our files, by file and function."""

    def __init__(self) -> None:
        self.calls: collections.Counter[tuple[str, str]] = collections.Counter()

    @property
    def files(self) -> list[str]:
        return sorted({file for file, _ in self.calls})

    @property
    def num_calls(self) -> int:
        return sum(self.calls.values())

    def __str__(self) -> str:
        lines = [f"{len(self.files)} files, {self.num_calls} calls:"]
        for file in self.files:
            names = {n: c for (f, n), c in sorted(self.calls.items()) if f == file}
            counted = [f"{n} x{c}" if c > 1 else n for n, c in names.items()]
            lines.append(f"{file} ({sum(names.values())}): {', '.join(counted)}")
        return "\n".join(lines)


class Probe:
    """Watches all threads that are started while it is installed."""

    def __init__(self, folder: pathlib.Path = REPOSITORY) -> None:
        self._ours = f"{folder}/serving/", f"{folder}/model/"
        self._folder = folder
        self._is_on = False
        self._ignored: set[int | None] = set()
        self._passage = Passage()

    @contextmanager
    def installed(self) -> Iterator[None]:
        threading.setprofile(self._on_event)
        try:
            yield
        finally:
            threading.setprofile(None)

    def ignore(self, thread: threading.Thread) -> None:
        """Of this thread nothing is counted: it would do the same without requests."""
        self._ignored.add(thread.ident)

    def watch(self, ask: Callable[[], Any]) -> Passage:
        """What the server does from the request to the answer, and to its end."""
        time.sleep(SETTLE_S)
        self._passage = Passage()
        self._is_on = True
        ask()
        time.sleep(SETTLE_S)
        self._is_on = False
        return self._passage

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call" or not self._is_on:
            return
        path = frame.f_code.co_filename
        if path.startswith(self._ours) and threading.get_ident() not in self._ignored:
            name = str(pathlib.Path(path).relative_to(self._folder))
            self._passage.calls[name, frame.f_code.co_qualname] += 1
