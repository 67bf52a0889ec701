"""One JSON object per request, one line each.

No input and no output of a model stands in it, but an error's text may quote the
request (at most `MAX_ERROR_CHARS`), and `peer` is an address: both can be personal.
"""

import datetime
import json
import logging
import os
import random
import time
from collections.abc import Sequence
from typing import Any

from serving.server.flags import STDOUT
from serving.server.observation.background_writer import BackgroundWriter
from serving.server.observation.record import RequestRecord
from serving.server.status import Code, invalid_argument

log = logging.getLogger(__name__)

MAX_ERROR_CHARS = 300
MAX_NAME_CHARS = 200
MAX_WAITING = 10_000

_Entry = tuple[float, RequestRecord]
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class AccessLog:
    """An observer of requests that appends to a file, or to standard output.

    A request that failed is always there; of the others a random share may be taken.
    """

    def __init__(
        self, path: str, *, sampling_rate: float = 1.0, max_waiting: int = MAX_WAITING
    ) -> None:
        """Raises `StatusError` for a file that cannot be opened, or a wrong rate."""
        if not 0 <= sampling_rate <= 1:
            raise invalid_argument(
                "access_log_sampling_rate must be between 0 and 1; received "
                f"{sampling_rate}."
            )
        self._path = path
        self._rate = sampling_rate
        self._random = random.Random()
        try:
            self._file = _open(path)
        except OSError as error:
            raise invalid_argument(
                f"access_log_file {path} cannot be opened: {error.strerror}."
            ) from None
        self._writer: BackgroundWriter[_Entry | str] = BackgroundWriter(
            "access log", self._write, max_items=max_waiting
        )

    @property
    def dropped(self) -> int:
        """Records that could not be written."""
        return self._writer.dropped

    def __call__(self, record: RequestRecord) -> None:
        """Hands over a request that has ended; the record must not change any more."""
        is_sampled = self._rate >= 1 or self._random.random() < self._rate
        if is_sampled or record.code is not Code.OK:
            self._writer.put((time.time(), record))

    def reopen(self) -> None:
        """Goes on in a new file of the same name: for SIGHUP, after a rotation."""
        self._writer.put(self._path, is_vital=True)

    def close(self, limit_s: float) -> bool:
        """Writes what waits; False when the limit was too short for that."""
        in_time = self._writer.close(limit_s)
        if in_time and self._path != STDOUT:
            os.close(self._file)
        return in_time

    def _write(self, items: Sequence[_Entry | str]) -> None:
        lines: list[str] = []
        for item in items:
            if isinstance(item, str):
                self._append(lines)
                lines = []
                self._reopen()
            else:
                lines.append(_ENCODE(entry(*item)))
        self._append(lines)

    def _append(self, lines: list[str]) -> None:
        if not lines:
            return
        # A path may hold half of a surrogate pair; it becomes a question mark.
        content = "\n".join([*lines, ""]).encode("utf-8", "replace")
        while content:
            content = content[os.write(self._file, content) :]

    def _reopen(self) -> None:
        if self._path == STDOUT:
            return
        try:
            new = _open(self._path)
        except OSError as error:
            log.error("Access log %s stays as it is: %s", self._path, error.strerror)
            return
        os.close(self._file)
        self._file = new


def _open(path: str) -> int:
    if path == STDOUT:
        return 1
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)


def entry(ended_s: float, record: RequestRecord) -> dict[str, Any]:
    """Makes the object of one line. `time` is when the request ended."""
    return {
        "time": _timestamp(ended_s),
        "api": record.api,
        "entrypoint": record.entrypoint,
        "model": record.model_name[:MAX_NAME_CHARS],
        "version": record.version,
        "signature": record.signature_name[:MAX_NAME_CHARS],
        "rows": record.rows,
        "batch_rows": record.batch_rows,
        "queue_ms": round(record.queue_s * 1000, 3),
        "run_ms": round(record.run_s * 1000, 3),
        "total_ms": round(record.total_s * 1000, 3),
        "status": record.code.name,
        "error": record.error[:MAX_ERROR_CHARS],
        "request_bytes": record.request_bytes,
        "response_bytes": record.response_bytes,
        "peer": record.peer,
    }


def _timestamp(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
