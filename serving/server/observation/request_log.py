"""A sample of requests and answers, kept as TFRecord files of PredictionLog.

Off unless a model's `logging_config` asks for it: the files hold what clients sent, and
text is personal data. Whoever turns it on decides who may read them, and for how long.

A finished file can be a model's warm-up file as it is (up to 1000 records; see
`serving/request_logs/to_warmup.py` for choosing some), and TFX reads it (see
`serving/request_logs/to_examples.py` for skew checks). Requests that failed are not
logged.
"""

import dataclasses
import datetime
import logging
import os
import pathlib
import random
import re
import socket
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence

from google.protobuf.message import Message

from serving.client import protos
from serving.formats.tfrecord import write_record
from serving.server.models.config import LoggingConfig, ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.observation.background_writer import BackgroundWriter
from serving.server.status import Code

log = logging.getLogger(__name__)

MAX_WAITING = 256
MAX_WAITING_BYTES = 64 * 1024 * 1024
TICK_S = 1.0
PART = ".part"

_KINDS = {
    "ClassificationRequest": "classify_log",
    "RegressionRequest": "regress_log",
    "MultiInferenceRequest": "multi_inference_log",
}

MessageFactory = Callable[[], Message]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotationConfig:
    """A file is finished when it has grown large or old enough."""

    max_bytes: int = 64 * 1024 * 1024
    max_age_s: float = 300.0


class _LogFile:
    """One file, `.part` until `finish`. What a killed server leaves behind stays so."""

    def __init__(self, prefix: str, model_name: str, rotation: RotationConfig) -> None:
        """Makes the folder and the file; raises OSError when that cannot be."""
        self._path = pathlib.Path(_file_name(prefix, model_name))
        self._part = self._path.with_name(self._path.name + PART)
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._rotation = rotation
        self._size_bytes = 0
        self._opened_s = time.monotonic()
        self._file = open(self._part, "xb", opener=_private)  # noqa: SIM115

    @property
    def is_due(self) -> bool:
        """True when no more should be written to it."""
        age_s = time.monotonic() - self._opened_s
        is_full = self._size_bytes >= self._rotation.max_bytes
        return is_full or age_s >= self._rotation.max_age_s

    def write(self, record: bytes) -> None:
        """Appends one record, and hands it to the system at once."""
        self._size_bytes += write_record(self._file, record)
        self._file.flush()

    def finish(self) -> None:
        """Gives the file its name; it never changes after that."""
        with self._file:
            os.fsync(self._file.fileno())
        self._part.rename(self._path)
        log.info("Request log %s is finished (%d bytes)", self._path, self._size_bytes)


@dataclasses.dataclass(frozen=True)
class _Sampled:
    """One request on its way to the writer."""

    kind: str
    version: ServedVersion
    config: LoggingConfig
    request: MessageFactory
    response: MessageFactory
    size_bytes: int
    time_s: float = dataclasses.field(default_factory=time.time)


class RequestLogger:
    """Samples on the event loop; builds messages and writes in a thread of its own."""

    def __init__(
        self,
        entries: Callable[[], Mapping[str, ModelEntry]],
        *,
        saved_model_tags: Sequence[str] = ("serve",),
        on_logged: Callable[[str, Code], None] | None = None,
        rotation: RotationConfig | None = None,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        """Reads the models from `entries` each time, so that a reload counts at once.

        `on_logged(model, code)` is called in the writer's thread.
        """
        self._entries = entries
        self._tags = tuple(saved_model_tags)
        self._on_logged = on_logged or (lambda model_name, code: None)
        self._rotation = rotation or RotationConfig()
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._refused: set[tuple[str, str]] = set()
        self._is_closed = False
        self._files: dict[tuple[str, str], _LogFile] = {}
        self._writer: BackgroundWriter[_Sampled] | None = None
        self._random = random.Random()
        # Each is written by one thread only, so neither needs a lock.
        self._bytes_in = self._bytes_out = self._too_large = 0

    @property
    def dropped(self) -> int:
        """Sampled requests that could not be written."""
        writer = self._writer
        return self._too_large + (writer.dropped if writer is not None else 0)

    def wants(self, model_name: str) -> bool:
        """Throws the dice for one request; ask once, after it has succeeded."""
        config = self._config(model_name)
        return config is not None and self._random.random() < config.sampling_rate

    def log_predict(
        self,
        version: ServedVersion,
        request: MessageFactory,
        response: MessageFactory,
        size_bytes: int = 0,
    ) -> None:
        """Logs a PredictRequest and its PredictResponse.

        Args:
            version: which answered.
            request: makes the message, in the writer's thread, soon; what it uses must
                not change any more.
            response: likewise.
            size_bytes: about how much memory is held until then.
        """
        self._put("predict_log", version, request, response, size_bytes)

    def log(self, version: ServedVersion, request: Message, response: Message) -> None:
        """Logs a request of another kind, and its response."""
        kind = _KINDS[request.DESCRIPTOR.name]
        size_bytes = request.ByteSize()
        self._put(kind, version, lambda: request, lambda: response, size_bytes)

    def close(self, limit_s: float) -> bool:
        """Writes what waits and gives the files their names; False at the limit."""
        self._is_closed = True
        if self._writer is None:
            return True
        if not self._writer.close(limit_s):
            return False
        self._finish(list(self._files))
        return True

    def _put(
        self,
        kind: str,
        version: ServedVersion,
        request: MessageFactory,
        response: MessageFactory,
        size_bytes: int,
    ) -> None:
        config = self._config(version.model_name)
        if config is None or self._is_closed:
            return
        if self._writer is None:
            self._writer = BackgroundWriter(
                "request log",
                self._write,
                max_items=self._max_waiting,
                tick_s=min(TICK_S, self._rotation.max_age_s),
            )
        item = _Sampled(kind, version, config, request, response, size_bytes)
        if self._bytes_in - self._bytes_out + size_bytes > self._max_waiting_bytes:
            self._too_large += 1
        elif self._writer.put(item):
            self._bytes_in += size_bytes

    def _config(self, model_name: str) -> LoggingConfig | None:
        entry = self._entries().get(model_name)
        if entry is None or entry.logging is None:
            return None
        prefix = entry.logging.log_file_prefix
        if "://" not in prefix:
            return entry.logging
        if (model_name, prefix) not in self._refused:
            self._refused.add((model_name, prefix))
            log.error(
                "Requests of %s are not logged: filename_prefix must be a path on this "
                "machine, such as /var/log/requests/%s; received %r.",
                *(model_name, model_name, prefix),
            )
        return None

    def _write(self, items: Sequence[_Sampled]) -> None:
        for item in items:
            code = Code.OK
            try:
                self._write_one(item)
            except Exception:  # noqa: BLE001  one bad request, or a full disk
                code = Code.INTERNAL
                if self._writer is not None:
                    self._writer.lose(1)
            self._bytes_out += item.size_bytes
            self._on_logged(item.version.model_name, code)
        self._finish([key for key, f in self._files.items() if self._is_over(key, f)])

    def _is_over(self, key: tuple[str, str], file: _LogFile) -> bool:
        """True for a file that is large or old, or that the models do not name."""
        entry = self._entries().get(key[0])
        config = None if entry is None else entry.logging
        return file.is_due or config is None or config.log_file_prefix != key[1]

    def _write_one(self, item: _Sampled) -> None:
        record = _prediction_log(item, self._tags).SerializeToString()
        key = (item.version.model_name, item.config.log_file_prefix)
        file = self._files.get(key)
        if file is not None and file.is_due:
            self._finish([key])
            file = None
        if file is None:
            file = self._files[key] = _LogFile(key[1], key[0], self._rotation)
        file.write(record)

    def _finish(self, keys: Iterable[tuple[str, str]]) -> None:
        for key in keys:
            try:
                self._files.pop(key).finish()
            except OSError:
                log.exception("A request log of %s stays a .part file", key[0])


def _prediction_log(item: _Sampled, tags: Sequence[str]) -> Message:
    entry = protos.PredictionLog()
    part = getattr(entry, item.kind)
    part.request.CopyFrom(item.request())
    part.response.CopyFrom(item.response())
    metadata = entry.log_metadata
    metadata.model_spec.name = item.version.model_name
    metadata.model_spec.version.value = item.version.number
    metadata.sampling_config.sampling_rate = item.config.sampling_rate
    metadata.saved_model_tags.extend(tags)
    metadata.timestamp_secs = int(item.time_s)
    return entry


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def _file_name(prefix: str, model_name: str) -> str:
    """Makes a name that no other host or process makes, and none again."""
    host = re.sub(r"[^A-Za-z0-9.]+", "_", socket.gethostname())
    model = urllib.parse.quote(model_name, safe="")
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{prefix}-{model}-{host}-{os.getpid()}-{moment}.tfrecord"
