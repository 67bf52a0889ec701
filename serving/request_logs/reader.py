"""The requests in log files of a server: TFRecords of PredictionLog."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError

from serving.client import protos
from serving.formats.tfrecord import TFRecordError, read_records

KINDS = ("predict_log", "classify_log", "regress_log", "multi_inference_log")


def read_logs(paths: Iterable[str]) -> Iterator[Any]:
    """Reads the PredictionLog messages of all files that hold a request.

    A file that ends in the middle, as a killed server leaves it, gives what it has; it
    and records of another kind are named on standard error.

    Raises:
        OSError: a file cannot be read.
    """
    for path in paths:
        number = 0
        try:
            for number, record in enumerate(read_records(path), start=1):
                entry = _parse(record)
                if entry is None:
                    _say(f"{path}: record {number} is no PredictionLog; left out.")
                else:
                    yield entry
        except TFRecordError as error:
            _say(f"{error}; {number} records before it are used.")


def request_of(entry: Any) -> Any:
    """Finds the request of a PredictionLog that `read_logs` gave."""
    return getattr(entry, entry.WhichOneof("log_type")).request


def _parse(record: bytes) -> Any:
    try:
        entry = protos.PredictionLog.FromString(record)
    except DecodeError:
        return None
    kind = entry.WhichOneof("log_type")
    return entry if kind in KINDS and request_of(entry).ByteSize() else None


def _say(text: str) -> None:
    print(text, file=sys.stderr)
