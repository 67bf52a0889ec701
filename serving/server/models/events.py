"""Who is told when a version changes its state."""

import collections
import functools
import logging
import threading
from collections.abc import Callable

from serving.server.models.version import ServedVersion, State

log = logging.getLogger(__name__)

StateListener = Callable[[ServedVersion, State], None]
RemovalListener = Callable[[str], None]


class StateEvents:
    """Delivers each change once, in the order in which changes happened.

    `moved` and `removed` only note what happened and are called under the manager's
    lock; `deliver` is called without it, so that a listener may ask the manager.
    """

    def __init__(self) -> None:
        self._state_listeners: list[StateListener] = []
        self._removal_listeners: list[RemovalListener] = []
        self._pending: collections.deque[Callable[[], None]] = collections.deque()
        # Reentrant: a listener may cause further changes.
        self._delivering = threading.RLock()

    def on_state_change(self, listener: StateListener) -> None:
        """Calls `listener(version, state)` after each change, in their order.

        It runs in the thread that made the change; it must be quick.
        """
        self._state_listeners.append(listener)

    def on_model_removed(self, listener: RemovalListener) -> None:
        """Calls `listener(model)` when a model has left configuration and memory."""
        self._removal_listeners.append(listener)

    def moved(self, version: ServedVersion) -> None:
        """Notes the state that the version has now."""
        for listener in self._state_listeners:
            tell = functools.partial(listener, version, version.state)
            self._pending.append(tell)

    def removed(self, name: str) -> None:
        """Notes that nothing of the model is left."""
        for listener in self._removal_listeners:
            self._pending.append(functools.partial(listener, name))

    def deliver(self) -> None:
        """Tells the listeners what was noted; one that fails is logged."""
        if not self._pending:
            return
        with self._delivering:
            while self._pending:
                try:
                    self._pending.popleft()()
                except Exception:
                    log.exception("A listener of state changes failed")
