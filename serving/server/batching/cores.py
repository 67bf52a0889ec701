"""How the cores are shared between requests, batches and the operations of a model.

Threads of TensorFlow that wait for each other on busy cores cost more than they gain:
on two cores under load, one batch thread with one thread of its own took 500 µs of CPU
a text where two and two took 740, and answered half as many again. So each of few
batches gets its share of the cores, and a quick model, for which connections cost as
much as it does, leaves one core to them.
"""

import os

MAX_BATCH_THREADS = 2


def available_cores() -> int:
    """Counts those that this process may use."""
    return len(os.sched_getaffinity(0))


def batch_threads(cores: int) -> int:
    """Batches computed at a time, when the model takes long."""
    return min(cores, MAX_BATCH_THREADS)


def threads_per_batch(cores: int, batch_threads: int) -> int:
    """Threads that compute one operation of a batch together."""
    return max(1, (cores - 1) // batch_threads)
