"""How long a test waits for what must come: far longer than a busy machine takes."""

import time
from collections.abc import Callable

# Nobody waits so long but where something is broken.
LONG_S = 60.0


def wait_until(
    is_so: Callable[[], object], what: str = "it", pause_s: float = 0.01
) -> None:
    """Returns once `is_so`; fails naming `what` did not happen."""
    deadline_s = time.monotonic() + LONG_S
    while not is_so():
        assert time.monotonic() < deadline_s, f"{what} did not happen in {LONG_S:g} s"
        time.sleep(pause_s)
