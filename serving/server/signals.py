"""What the process is told from outside: to stop, or to read its files again."""

import signal


class Signals:
    """What the process was told since. SIGHUP asks for fresh files, once each time."""

    def __init__(self) -> None:
        # No Event here: setting one in a handler waits for ever when the handler has
        # interrupted the main thread while that holds the Event's lock.
        self._received: list[int] = []

    def listen(self) -> None:
        """Hears them from now on, instead of what they did before."""
        numbers = [signal.SIGTERM, signal.SIGHUP]
        # Ignored from the start (nohup, a script's &): a Ctrl-C is meant for others.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            numbers.append(signal.SIGINT)
        for number in numbers:
            signal.signal(number, lambda received, _: self._received.append(received))

    def should_stop(self) -> bool:
        """Tells whether the process is to end."""
        return not {signal.SIGTERM, signal.SIGINT}.isdisjoint(self._received)

    def should_refresh(self) -> bool:
        """Tells once whether fresh files are asked for."""
        if signal.SIGHUP not in self._received:
            return False
        self._received.remove(signal.SIGHUP)
        return True
