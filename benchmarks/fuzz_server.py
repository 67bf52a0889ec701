"""Malformed requests by the thousand against a server of its own.

    python -m benchmarks.fuzz_server --requests 100000
    python -m benchmarks.fuzz_server --fake --only 1234    # one of them again

Ends with 1 when the server died, hung, answered with a 5xx where it should not, failed
a client that behaves, or grew.
"""

import argparse
import concurrent.futures
import dataclasses
import multiprocessing
import pathlib
import sys
import tempfile
import time

from benchmarks.hostile.attack import Findings, attack
from benchmarks.hostile.victim import Observer, Usage, Victim, running_victim

WARM_UP_REQUESTS = 300
PROBES_PER_ROUND = 1_000


@dataclasses.dataclass
class Report:
    """What an attack found out."""

    requests: int
    seconds: float
    findings: Findings
    is_alive: bool
    start: Usage
    end: Usage
    peak: Usage
    probes: int
    p99_s: float
    failures: list[str]
    history_mb: list[float]

    def text(self) -> str:
        """For people."""
        counts = sorted(self.findings.answers.items())
        lines = [
            f"{self.requests} requests in {self.seconds:.0f} s; the server "
            f"{'lives' if self.is_alive else 'DIED'}.",
            f"Well-behaved client: {self.probes} requests, p99 {self.p99_s * 1e3:.0f} "
            f"ms, {len(self.failures)} failed.",
            *(f"    {failure}" for failure in self.failures[:5]),
            *(f"{name}: {use}" for name, use in self._usages()),
            f"Memory, tenth by tenth, MB: {self._tenths()}",
            "Answers: " + ", ".join(f"{name}: {count}" for name, count in counts),
            f"Bad answers, each text once: {len(self.findings.bad)}",
            *(f"    {key}\n        {first}" for key, first in self._bad()),
        ]
        return "\n".join(lines)

    def problems(self, *, max_growth_mb: float, max_peak_mb: float) -> list[str]:
        """Why this is not good enough; empty when it is."""
        found = [f"{key} ({first})" for key, first in self._bad()] + self.failures
        if not self.is_alive:
            return ["the server died", *found]
        growth_mb = self.end.rss_mb - self.start.rss_mb
        if growth_mb > max_growth_mb:
            found.append(f"memory grew by {growth_mb:.0f} MB")
        if self.peak.rss_mb - self.start.rss_mb > max_peak_mb:
            found.append(f"memory peaked at {self.peak.rss_mb:.0f} MB")
        if self.end.threads > self.start.threads + 64:
            found.append(f"threads grew to {self.end.threads}")
        if self.end.files > self.start.files + 64:
            found.append(f"open files grew to {self.end.files}")
        return found

    def _usages(self) -> list[tuple[str, Usage]]:
        return [("start", self.start), ("peak", self.peak), ("end", self.end)]

    def _tenths(self) -> str:
        step = max(1, len(self.history_mb) // 10)
        return " ".join(f"{mb:.0f}" for mb in self.history_mb[::step])

    def _bad(self) -> list[tuple[str, str]]:
        return sorted(self.findings.bad.items())


def run(victim: Victim, indices: list[int], processes: int = 2) -> Report:
    """Sends the requests with these numbers from several processes."""
    # Pools, caches and allocators settle before the first measurement.
    attack(victim.target, range(-WARM_UP_REQUESTS, 0))
    start, started = victim.usage(), time.monotonic()
    observer = Observer(victim)
    observer.start()
    findings = Findings()
    rounds = [
        indices[first : first + PROBES_PER_ROUND]
        for first in range(0, len(indices), PROBES_PER_ROUND)
    ]
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, spawn) as pool:
        jobs = [pool.submit(attack, victim.target, part) for part in rounds]
        for job in concurrent.futures.as_completed(jobs):
            findings.merge(job.result())
    seconds = time.monotonic() - started
    time.sleep(1.0)
    observer.stop()
    is_alive = victim.process.poll() is None
    return Report(
        requests=len(indices),
        seconds=seconds,
        findings=findings,
        is_alive=is_alive,
        start=start,
        end=victim.usage() if is_alive else start,
        peak=observer.peak,
        probes=len(observer.latencies_s),
        p99_s=observer.p99_s(),
        failures=observer.failures,
        history_mb=observer.history_mb,
    )


def main() -> int:
    """Runs as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one request")
    parser.add_argument("--fake", action="store_true", help="without TensorFlow")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--log", type=pathlib.Path, help="keep the server's log here")
    parser.add_argument("--flag", action="append", default=[], help="of the server")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base_path = pathlib.Path(folder)
        make_model(base_path, fake=options.fake)
        with running_victim(
            base_path, fake=options.fake, seed=options.seed, flags=tuple(options.flag)
        ) as victim:
            numbers = [options.only] if options.only else range(options.requests)
            report = run(victim, list(numbers), options.processes)
        log = (base_path / "log").read_text(errors="replace")
    if options.log:
        options.log.write_text(log)
    print(report.text())
    problems = report.problems(max_growth_mb=400, max_peak_mb=2_000)
    print("\n".join(["FAILED", *problems] if problems else ["OK"]))
    return 1 if problems else 0


def make_model(base_path: pathlib.Path, *, fake: bool) -> None:
    """Version 1 of a model."""
    if fake:
        (base_path / "1").mkdir()
        return
    from tests.support.serving.saved_models import save_number_model

    save_number_model(base_path / "1")


if __name__ == "__main__":
    sys.exit(main())
