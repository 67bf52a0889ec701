"""TFRecord files that grow under a name of their own and appear when they are whole."""

import dataclasses
import datetime
import logging
import os
import pathlib
import re
import socket
import time
import urllib.parse

from serving.formats.tfrecord import write_record

log = logging.getLogger(__name__)

PART = ".part"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotationConfig:
    """A file is finished when it has grown large or old enough."""

    max_bytes: int = 64 * 1024 * 1024
    max_age_s: float = 300.0


class LogFile:
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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def _file_name(prefix: str, model_name: str) -> str:
    """Makes a name that no other host or process makes, and none again."""
    host = re.sub(r"[^A-Za-z0-9.]+", "_", socket.gethostname())
    model = urllib.parse.quote(model_name, safe="")
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{prefix}-{model}-{host}-{os.getpid()}-{moment}.tfrecord"
