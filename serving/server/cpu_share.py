"""How the cores are shared between requests, batches and the operations of a model.

Threads of TensorFlow that wait for each other on busy cores cost more than they gain:
on two cores under load, one batch thread with one thread of its own took 500 µs of CPU
a text where two and two took 740, and answered half as many again. So one core is left
to the event loop, and the batch threads divide the others among them.
"""

import os

FEW_CORES = 2


def available_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def batch_threads(cores: int) -> int:
    """Batches computed at a time: while one ends, the next has begun."""
    return 1 if cores <= FEW_CORES else 2


def threads_per_batch(cores: int, batch_threads: int) -> int:
    """Threads that compute one operation of a batch together."""
    return max(1, (cores - 1) // batch_threads)
