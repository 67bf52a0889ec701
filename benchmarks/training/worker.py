"""The side of a framework: a process that does what it is told, line by line.

Standard library only, because it runs in environments that have nothing of ours.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

STEPS, PRODUCT, LEARN = "steps", "product", "learn"
# Side of the square matrices whose product is the machine's own rate.
SIDE = 1024

Task = Callable[[Any], Any]


def orders() -> Generator[tuple[str, Any], Any, None]:
    """Yields a task and its argument for each line of the standard input.

    When it is asked for the next one, or sent what the task returned, it answers with a
    line: the seconds, the processor's seconds, the most memory so far, and that.
    """
    for line in sys.stdin:
        order = json.loads(line)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        returned = yield order["task"], order["argument"]
        answer = {
            "wall_s": time.perf_counter() - wall_s,
            "cpu_s": time.process_time() - cpu_s,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "returned": returned,
        }
        print(json.dumps(answer), flush=True)


def obey(tasks: Mapping[str, Task]) -> None:
    """Does what each line says, with the task of that name, until there are no more."""
    given = orders()
    order = next(given, None)
    while order is not None:
        task, argument = order
        try:
            order = given.send(tasks[task](argument))
        except StopIteration:
            order = None


def repeated(call: Callable[[], object]) -> Task:
    """A task that calls as often as its argument says."""

    def task(count: int) -> None:
        for _ in range(count):
            call()

    return task
