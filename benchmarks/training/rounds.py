"""Steps of all frameworks in turns, so that a busy machine disturbs all alike."""

import contextlib
import dataclasses
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.training import worker
from benchmarks.training.sizes import Size
from benchmarks.training.workers import JAX, OURS, Answer, Worker

# Enough that a framework has compiled, and a CPU is as fast as it stays.
WARM_UP_STEPS = 12
PRODUCTS = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """Medians over the rounds, of one framework.

    `ratio` is the median of a round's time over ours in the same round.
    """

    framework: str
    step_ms: float
    cpu_ms: float
    ratio: float
    peak_bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class SizeResult:
    """All frameworks with one size. `product_gflops` is the machine's own rate."""

    name: str
    size: Size
    product_gflops: float
    measured: Sequence[Measured]

    def tokens_per_s(self, one: Measured) -> float:
        """How many tokens, padding included, are learnt from in a second."""
        return self.size.rows * self.size.tokens / one.step_ms * 1000

    def product_share(self, one: Measured) -> float:
        """The step's matrix products over what the machine multiplies meanwhile."""
        needed_ms = self.size.product_flops / self.product_gflops / 1e6
        return needed_ms / one.step_ms


def measure(
    name: str, size: Size, frameworks: Sequence[str], *, rounds: int, steps: int
) -> SizeResult:
    """Starts a process of every framework and has them take steps in turns."""
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(f, size)) for f in frameworks]
        rates = [_product_gflops(one) for one in workers if one.framework != JAX]
        for one in workers:
            one.ask(worker.STEPS, max(WARM_UP_STEPS, steps))
        answers: dict[str, list[Answer]] = {one.framework: [] for one in workers}
        for _ in range(rounds):
            for one in workers:
                answers[one.framework].append(one.ask(worker.STEPS, steps))
    return SizeResult(
        name=name,
        size=size,
        product_gflops=max(rates),
        measured=[_summed_up(f, answers, steps) for f in frameworks],
    )


def _product_gflops(one: Worker) -> float:
    """The best of three, each of some products of square matrices."""
    one.ask(worker.PRODUCT, PRODUCTS)
    best_s = min(one.ask(worker.PRODUCT, PRODUCTS).wall_s for _ in range(3))
    return PRODUCTS * 2 * worker.SIDE**3 / best_s / 1e9


def _summed_up(
    framework: str, answers: Mapping[str, Sequence[Answer]], steps: int
) -> Measured:
    own, ours = answers[framework], answers[OURS]
    pairs = zip(own, ours, strict=True)
    return Measured(
        framework=framework,
        step_ms=statistics.median(one.wall_s for one in own) / steps * 1000,
        cpu_ms=statistics.median(one.cpu_s for one in own) / steps * 1000,
        ratio=statistics.median(one.wall_s / our.wall_s for one, our in pairs),
        peak_bytes=max(one.peak_bytes for one in own),
    )
