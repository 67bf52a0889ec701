"""What became of the requests around a SIGTERM."""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Iterable, Mapping

from benchmarks.harness.background import Failure
from benchmarks.load.rest_sender import REFUSED

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
