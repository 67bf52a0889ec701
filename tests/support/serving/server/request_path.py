"""Which of our files a request passes in a server, and in how many calls."""

import collections
import pathlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

REPOSITORY = pathlib.Path(__file__).parents[4]


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
    """Watches all threads that are started while it is installed.

    But for the one that looks after models: it does the same without requests.
    """

    def __init__(self) -> None:
        self._ours = f"{REPOSITORY}/serving/", f"{REPOSITORY}/model/"
        self._passage: Passage | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        threading.setprofile(self._on_event)
        try:
            yield
        finally:
            threading.setprofile(None)

    @contextmanager
    def watching(self) -> Iterator[Passage]:
        """What is called from now to the end of the block."""
        self._passage = passage = Passage()
        try:
            yield passage
        finally:
            self._passage = None

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> None:
        passage, code = self._passage, frame.f_code
        if event != "call" or passage is None:
            return
        if not code.co_filename.startswith(self._ours):
            return
        if "run_until" not in threading.current_thread().name:
            name = str(pathlib.Path(code.co_filename).relative_to(REPOSITORY))
            passage.calls[name, code.co_qualname] += 1
