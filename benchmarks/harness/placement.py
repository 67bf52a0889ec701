"""Which processor cores a process may use, set before it starts its threads."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator

Cores = frozenset[int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """Who runs where. The in-process limit gets exactly what the server gets."""

    name: str
    server: Cores
    client: Cores

    @property
    def is_shared(self) -> bool:
        """Whether client and server take each other's time."""
        return bool(self.server & self.client)


def placements() -> list[Placement]:
    """All cores for everybody; and, given two, the last one for the client alone."""
    cores = sorted(os.sched_getaffinity(0))
    shared = Placement(name="shared", server=frozenset(cores), client=frozenset(cores))
    if len(cores) < 2:
        return [shared]
    server, client = frozenset(cores[:-1]), frozenset(cores[-1:])
    return [Placement(name="pinned", server=server, client=client), shared]


@contextlib.contextmanager
def on_cores(cores: Cores) -> Iterator[None]:
    """Processes that are started meanwhile stay on `cores`, and size their pools so."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
