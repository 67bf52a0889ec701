"""One version of a model: its state, its servable and who is using it."""

import contextlib
import dataclasses
import enum
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from serving.server.status import Code, StatusError


class State(enum.IntEnum):
    """The numbers of ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Servable(Protocol):
    """A loaded model: raw tensors in, raw tensors out."""

    @property
    def signatures(self) -> Mapping[str, Any]:
        """SignatureDef messages by name."""

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        """The named outputs of a signature whose every input is given."""

    def close(self) -> None:
        """Gives memory back; nothing runs any more."""


@dataclasses.dataclass(frozen=True)
class WarmupReport:
    """What ran before a version became available; `how`: file, synthesised, none."""

    count: int = 0
    how: str = "none"


class ServedVersion:
    """State and use count. All changes of state go through here."""

    def __init__(self, model_name: str, number: int, path: str) -> None:
        self.model_name = model_name
        self.number = number
        self.path = path
        self.state = State.START
        self.retired = False
        """True when configuration or file system do not want it any more."""
        self.error: StatusError | None = None
        self.attempts = 0
        self.next_attempt_s = 0.0
        self.load_s: float | None = None
        """How long the load that succeeded took, warm-up included."""
        self.warmup = WarmupReport()
        """The servable's `warmup_report`, if it has one."""
        self._servable: Servable | None = None
        self._in_flight = 0
        self._changed = threading.Condition()

    @property
    def is_loading(self) -> bool:
        """True until it is available or has failed for good."""
        return self.state in (State.START, State.LOADING)

    @property
    def status(self) -> tuple[Code, str]:
        """The error that keeps it from being available."""
        if self.error is None:
            return Code.OK, ""
        return self.error.code, self.error.message

    def start_loading(self) -> None:
        """One more attempt begins."""
        self.state = State.LOADING
        self.attempts += 1

    def become_available(self, servable: Servable) -> None:
        """Requests may come from now on."""
        with self._changed:
            self._servable, self.error = servable, None
            self.warmup = getattr(servable, "warmup_report", self.warmup)
            self.state = State.AVAILABLE

    def fail(self, error: StatusError) -> None:
        """No more attempts."""
        self.error = error
        self.state = State.END

    def try_acquire(self) -> bool:
        """Counts one more user, unless the version is not available any more."""
        with self._changed:
            if self.state is not State.AVAILABLE:
                return False
            self._in_flight += 1
            return True

    def release(self) -> None:
        """Ends what `try_acquire` began."""
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    @contextlib.contextmanager
    def release_after(self) -> Iterator["ServedVersion"]:
        """Ends what `try_acquire` began."""
        try:
            yield self
        finally:
            self.release()

    @property
    def servable(self) -> Servable:
        """The loaded model; only between `try_acquire` and the end of its use."""
        if self._servable is None:
            raise StatusError(Code.INTERNAL, f"version {self.number} is not loaded")
        return self._servable

    def begin_unloading(self) -> None:
        """New requests do not get in any more; running ones go on."""
        with self._changed:
            self.state = State.UNLOADING

    def finish_unloading(self, limit_s: float | None = None) -> bool:
        """Waits for running requests, then gives the model's memory back.

        Returns:
            False when requests were still running at the limit; the model stays loaded.
        """
        deadline = None if limit_s is None else time.monotonic() + limit_s
        with self._changed:
            while self._in_flight:
                left_s = None if deadline is None else deadline - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return False
                self._changed.wait(left_s)
            servable, self._servable = self._servable, None
        if servable is not None:
            servable.close()
        self.state = State.END
        return True
