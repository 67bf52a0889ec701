"""SIGTERM under load, again and again: is a request lost that was accepted?

    python -m benchmarks.drain --stops 50

Each time a server starts, clients ask over gRPC and REST without retries, the server
gets SIGTERM at a random moment, and the clients go on until it has ended. Refused
requests are fine: a load balancer sends them elsewhere. The exit status is 1 if one was
lost, or if the server did not end well.
"""

import argparse
import collections
import dataclasses
import json
import pathlib
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.harness.background import BackgroundLoad, Failure
from benchmarks.harness.served import COMMANDS, ServedModel, known_flag, small_model
from benchmarks.load.config import LoadConfig
from benchmarks.load.payloads import read_texts
from benchmarks.load.rest_sender import REFUSED
from serving.launch.model_folder import find_base_path
from tests.support.repository import ROOT

_TEXTS = ROOT / "data" / "velora" / "test.csv"
TRANSPORTS = ("grpc", "rest")
# Phrases of gRPC's core for a request that no server has begun to work on.
_NOT_BEGUN = (
    "connection refused",
    "failed to connect",
    "goaway",
    "stream refused",
    "refused_stream",
    "connections to all backends failing",
)
ROW = "{:>5}{:>6}{:>10}{:>9}{:>12}{:>9}{:>7}{:>9}{:>8}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drained:
    """Counts of one transport in one stop.

    `refused`: never accepted, said so, or given an error as its answer. `unanswered`:
    the connection ended after the request was sent. `logged`: good answers by the
    server's own account, None without an access log. `lost` is what the server
    accepted and the client never got: exact with a log, at worst without.
    """

    answered: int
    refused: int
    unanswered: int
    logged: int | None

    @property
    def lost(self) -> int:
        """Must be zero."""
        if self.logged is None:
            return self.unanswered
        return max(self.logged - self.answered, 0)


@dataclasses.dataclass(frozen=True)
class Stop:
    """One server's end."""

    drained: dict[str, Drained]
    seconds: float
    status: int
    examples: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Nothing lost, and the status of a program that ended well."""
        return not self.status and not any(one.lost for one in self.drained.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one line per stop and transport."""
    options = _parser().parse_args(arguments)
    texts = read_texts(options.texts)
    head = ("stop", "", "answered", "refused", "unanswered", "logged", "lost")
    print(ROW.format(*head, "took s", "status"))
    stops = []
    with tempfile.TemporaryDirectory(prefix="bench-drain-") as folder:
        place = pathlib.Path(folder)
        model = options.model or small_model(place / "model", options.engine, 512)
        for number in range(options.stops):
            log = place / f"access-{number}.log"
            stops.append(_one_stop(find_base_path(model), log, texts, options))
            _print(number + 1, stops[-1])
    lost = sum(one.lost for stop in stops for one in stop.drained.values())
    slowest = max(stop.seconds for stop in stops)
    clean = sum(stop.is_clean for stop in stops)
    print(f"{clean} of {len(stops)} stops clean; {lost} lost; slowest {slowest:.2f} s")
    return 0 if clean == len(stops) else 1


def _one_stop(
    base_path: pathlib.Path,
    log: pathlib.Path,
    texts: Sequence[str],
    options: argparse.Namespace,
) -> Stop:
    flags: dict[str, Any] = (
        {"access_log_file": str(log)} if known_flag("access_log_file") else {}
    )
    with ServedModel(base_path, engine=options.engine, **flags) as server:
        configs = [
            LoadConfig(
                endpoint=server.endpoint(transport),
                transport=transport,
                clients=options.clients,
            )
            for transport in TRANSPORTS
        ]
        with BackgroundLoad(configs, texts) as load:
            time.sleep(1 + random.random())
            asked_s = time.monotonic()
            server.process.terminate()
            status = server.process.wait(60)
            seconds = time.monotonic() - asked_s
    logged = read_access_log(log) if log.exists() else None
    return Stop(
        {t: sort_out(t, load.answered[t], load.failures, logged) for t in TRANSPORTS},
        seconds,
        status,
        tuple(
            {
                f"{one.transport}: {one.kind}: {one.detail}"
                for one in load.failures
                if not is_refusal(one)
            }
        ),
    )


def sort_out(
    transport: str,
    answered: int,
    failures: Iterable[Failure],
    logged: Mapping[str, int] | None,
) -> Drained:
    """The counts of `transport`."""
    kinds = collections.Counter(
        is_refusal(failure) for failure in failures if failure.transport == transport
    )
    return Drained(
        answered=answered,
        refused=kinds[True],
        unanswered=kinds[False],
        logged=None if logged is None else logged.get(transport, 0),
    )


def is_refusal(failure: Failure) -> bool:
    """Whether the client was told, or can know, that nobody works on its request."""
    if failure.transport == "rest":
        return failure.kind == REFUSED or failure.kind.startswith("HTTP ")
    detail = failure.detail.lower()
    if failure.kind != "UNAVAILABLE":
        return False
    # What a server says in its own words is an answer; the transport's is none.
    ended = ("socket closed", "reset by peer", "broken pipe", "recvmsg", "eof")
    return any(p in detail for p in _NOT_BEGUN) or not any(p in detail for p in ended)


def read_access_log(path: pathlib.Path) -> Mapping[str, int]:
    """Good predictions by transport, from JSON lines."""
    counts: collections.Counter[str] = collections.Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = {str(k).lower(): str(v).lower() for k, v in json.loads(line).items()}
        is_good = entry.get("code", entry.get("status", "")) in ("ok", "0", "200")
        if is_good and entry.get("api") == "predict":
            counts[entry.get("entrypoint", entry.get("transport", ""))] += 1
    return counts


def _print(number: int, stop: Stop) -> None:
    for transport, one in stop.drained.items():
        logged = "-" if one.logged is None else one.logged
        print(
            ROW.format(
                number,
                transport,
                *(one.answered, one.refused, one.unanswered, logged, one.lost),
                f"{stop.seconds:.2f}",
                stop.status,
            ),
            flush=True,
        )
    for example in stop.examples[:3]:
        print(f"      {example}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--stops", type=int, default=10)
    add("--clients", type=int, default=16, help="of each transport")
    add("--model", type=pathlib.Path, help="default: a small one, built now")
    add("--texts", type=pathlib.Path, default=_TEXTS)
    add("--engine", choices=[*COMMANDS], default="embedded")
    return parser


if __name__ == "__main__":
    sys.exit(main())
