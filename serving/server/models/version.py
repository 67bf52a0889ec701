"""One version of a model: its state, its servable and who is using it."""

import dataclasses
import enum
import threading
from collections.abc import Callable, Mapping
from typing import Self

from serving.server.servable import Servable, WarmupReport
from serving.server.status import Code, StatusError


class State(enum.IntEnum):
    """The numbers of ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclasses.dataclass(slots=True, eq=False, repr=False)
class ServedVersion:
    """State and use count. All changes of state go through here.

    Small, because a hundred that have ended are kept for every model.

    Attributes:
        retired: configuration or file system do not want it any more.
        load_s: how long the load that succeeded took, warm-up included.
    """

    model_name: str
    number: int
    path: str
    state: State = State.START
    retired: bool = False
    error: StatusError | None = None
    attempts: int = 0
    next_attempt_s: float = 0.0
    load_s: float | None = None
    warmup: WarmupReport = WarmupReport()
    _servable: Servable | None = None
    _in_flight: int = 0
    _when_idle: Callable[[], None] | None = None
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def __str__(self) -> str:
        """Spells the version as upstream does, in logs and in answers."""
        return f"{{name: {self.model_name} version: {self.number}}}"

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
        """Begins one more attempt."""
        self.state = State.LOADING
        self.attempts += 1

    def attempt_failed(self, error: StatusError, next_attempt_s: float | None) -> None:
        """Waits for the next attempt; without one, the version has failed for good."""
        # A copy: the original's traceback would keep a half-loaded model in memory.
        self.error = StatusError(error.code, error.message)
        if next_attempt_s is None:
            self.state = State.END
        else:
            self.next_attempt_s = next_attempt_s

    def become_available(self, servable: Servable, load_s: float | None = None) -> None:
        """Lets requests come from now on."""
        with self._lock:
            self._servable, self.error, self.load_s = servable, None, load_s
            self.warmup = servable.warmup_report
            self.state = State.AVAILABLE

    def cancel(self, servable: Servable | None = None) -> None:
        """Gives up a version that was never available; a servable is to be unloaded."""
        self._servable = servable
        self.state = State.END if servable is None else State.UNLOADING

    def try_lease(self) -> bool:
        """Counts one more user, and says whether the version is still available."""
        with self._lock:
            if self.state is not State.AVAILABLE:
                return False
            self._in_flight += 1
            return True

    def hold(self) -> None:
        """Counts one more user, beside one that is counted already."""
        with self._lock:
            self._in_flight += 1

    def release(self) -> None:
        """Ends what `try_lease` or `hold` began."""
        with self._lock:
            self._in_flight -= 1
            if self._in_flight or self._when_idle is None:
                return
            call, self._when_idle = self._when_idle, None
        call()

    def __enter__(self) -> Self:
        """Does nothing; leaving the block ends what `try_lease` began."""
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    @property
    def servable(self) -> Servable:
        """The loaded model; only between `try_lease` and the end of its use."""
        if self._servable is None:
            raise StatusError(Code.INTERNAL, f"version {self.number} is not loaded")
        return self._servable

    def begin_unloading(self) -> None:
        """Lets no new requests in; running ones go on."""
        with self._lock:
            self.state = State.UNLOADING

    def call_when_idle(self, call: Callable[[], None]) -> None:
        """Calls once nobody uses it: now, or where the last user lets go of it.

        Only after `begin_unloading`; `call` must be quick.
        """
        with self._lock:
            if self._in_flight:
                self._when_idle = call
                return
        call()

    def close_servable(self) -> None:
        """Gives the model's memory back; nobody may be using it.

        Raises:
            Exception: whatever closing the model raises.
        """
        servable, self._servable = self._servable, None
        if servable is not None:
            servable.close()

    def end(self) -> None:
        """Notes that nothing of it is in memory any more."""
        self.state = State.END


Route = Mapping[int | str | None, ServedVersion]
"""What requests can reach of one model: by number, by label, the latest by None."""

Routes = Mapping[str, Route]
"""By model name. A change makes a new mapping, so that readers need no lock."""
