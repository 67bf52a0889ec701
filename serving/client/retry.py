"""Trying again, within the deadline, when a server is away for a moment.

Three things keep clients from bringing a weak server down: waits are random over their
whole length ("full jitter", Marc Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015), so that clients do not come back in waves; a server may say
when, or that it does not want to be asked again; and a budget bounds repetitions to a
tenth of all requests (Site Reliability Engineering, "Handling Overload": per-client
retry budget; the token bucket is that of grpc/proposal, A6-client-retries.md).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from .calls import AnswerT, CallT, Steps, Transport
from .config import ClientConfig
from .errors import ResourceExhaustedError, ServingError, UnavailableError

T = TypeVar("T")
MAX_WAIT_S = 5.0
REFILL = 0.1
"""What a success puts back: one repetition per ten requests, in the long run."""


class RetryBudget:
    """Tokens that repetitions and hedges of all calls of a client take from.

    Full at the start, so that a client outlives the restart of its server; threads may
    share it.
    """

    def __init__(self, size: float) -> None:
        self._size = self._tokens = size
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Takes a token; False when there is not a whole one left."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def put_back(self) -> None:
        """Pays for a request that was answered."""
        if self._tokens >= self._size:  # nearly always; saves the lock
            return
        with self._lock:
            self._tokens = min(self._size, self._tokens + REFILL)


class Deadline:
    """The end of one call with all its requests."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining_s(self) -> float:
        """Gives a millisecond at least: a transport must notice the end itself."""
        return max(self._end - self._clock(), 0.001)

    def allows(self, wait_s: float) -> bool:
        """Tells whether time is left after such a wait."""
        return self._clock() + wait_s < self._end


class RetryPolicy:
    """Decides, for both kinds of client, whether and after which wait to repeat."""

    def __init__(
        self,
        config: ClientConfig,
        budget: RetryBudget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self.budget = budget
        self._clock = clock

    def deadline(self) -> Deadline:
        """Begins a call."""
        return Deadline(self._config.deadline_s, self._clock)

    def wait_s(
        self, error: ServingError, attempt: int, deadline: Deadline, may_repeat: bool
    ) -> float | None:
        """Gives the seconds to wait before the next attempt; None when it must not be.

        Args:
            error: what the last attempt brought.
            attempt: 0 for the first.
            deadline: of the whole call.
            may_repeat: False for what changes the server.
        """
        if not may_repeat or attempt >= self._config.retries:
            return None
        if not _invites(error):
            return None
        wait_s = error.retry_after_s
        if wait_s is None:
            longest = min(self._config.backoff_s * 2**attempt, MAX_WAIT_S)
            wait_s = random.uniform(0, longest)
        if not deadline.allows(wait_s) or not self.budget.take():
            return None
        return wait_s


def ask(
    steps: Steps[CallT, AnswerT, T],
    transport: Transport[CallT, AnswerT],
    policy: RetryPolicy,
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Gives the result of the steps; repeats each of their calls as the policy says.

    Raises:
        ServingError: the last one, when a call brought no answer.
    """
    try:
        call = next(steps)
        attempt = 0
        while True:
            try:
                answer = transport.send(call, deadline.remaining_s())
            except ServingError as error:
                wait_s = policy.wait_s(error, attempt, deadline, call.may_repeat)
                if wait_s is None:
                    raise
                sleep(wait_s)
                attempt += 1
            else:
                policy.budget.put_back()
                call = steps.send(answer)
                attempt = 0
    except StopIteration as finished:
        return finished.value
    finally:
        steps.close()


def _invites(error: ServingError) -> bool:
    # Other errors come back the same, or the server may still be working on the first
    # request. A full server says when to come back, or should be left alone. (Never is
    # infinite, and beyond every deadline.)
    if isinstance(error, UnavailableError):
        return True
    is_full = isinstance(error, ResourceExhaustedError)
    return is_full and error.retry_after_s is not None
