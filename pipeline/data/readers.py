"""Rows of labelled text from CSV, JSONL, Parquet and TFRecord files.

A reader yields every row of a file, the unusable ones too: a row that cannot be
decoded arrives with `problem` set, so that it can be counted and shown.
"""

import csv
import dataclasses
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import DataError

_BYTE_ORDER_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
_UNLIMITED_FIELD_BYTES = 2**31 - 1  # The default of 128 KiB is an error, not a row.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the two columns to read."""

    text: str = "text"
    label: str = "label"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file; `number` is its line or record, from 1."""

    number: int
    text: str = ""
    label: str = ""
    problem: str | None = None


def read_rows(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields the rows of `path`, whose suffix says the format.

    Raises:
        DataError: The file is empty, not of its format, or lacks a column.
    """
    reader = READERS.get(_suffix(path))
    if reader is None:
        raise DataError(
            f"{path} is not a format that can be read: its name ends in "
            f"'{path.suffix}', allowed are {', '.join(sorted(READERS))}."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty. It must hold rows of labelled text.")
    return reader(path, columns)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def _open(path: Path) -> io.BufferedReader | gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _text_stream(path: Path) -> io.TextIOWrapper:
    """Decodes UTF-8 with or without a BOM; bad bytes become lone surrogates."""
    with _open(path) as file:
        head = file.read(4)
    for mark, name in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            raise DataError(f"{path} is {name}, not UTF-8 text. Save it as UTF-8.")
    return io.TextIOWrapper(
        _open(path),
        encoding="utf-8-sig",
        errors="surrogateescape",
        newline="",
    )


def _checked_text(number: int, text: str, label: str) -> Row:
    if not (_is_unicode(text) and _is_unicode(label)):
        return Row(number, problem="invalid_utf8")
    return Row(number, text, label)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_columns(path: Path, names: list[str], columns: Columns) -> None:
    for name in (columns.text, columns.label):
        if name not in names:
            raise DataError(
                f"{path} has no column '{name}'; it has {_listed(names)}. Name "
                "yours with --text-column and --label-column."
            )


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:20]) or "none"


def _read_csv(path: Path, columns: Columns) -> Iterator[Row]:
    csv.field_size_limit(_UNLIMITED_FIELD_BYTES)
    with _text_stream(path) as stream:
        delimiter = "\t" if _suffix(path) == ".tsv" else ","
        reader = csv.reader(stream, delimiter=delimiter)
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, columns)
        text_at, label_at = header.index(columns.text), header.index(columns.label)
        for cells in reader:
            if not cells:
                continue  # A blank line, often the last one.
            if len(cells) != len(header):
                yield Row(reader.line_num, problem="wrong_number_of_columns")
                continue
            yield _checked_text(reader.line_num, cells[text_at], cells[label_at])


def _check_header(path: Path, header: list[str], columns: Columns) -> None:
    for name in (columns.text, columns.label):
        if header.count(name) > 1:
            raise DataError(
                f"{path} names the column '{name}' {header.count(name)} times in its "
                "first line. Each column needs a name of its own."
            )
    _require_columns(path, header, columns)


def _read_jsonl(path: Path, columns: Columns) -> Iterator[Row]:
    checked = False
    with _text_stream(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            record = _json_object(line)
            if record is None:
                problem = "invalid_json" if _is_unicode(line) else "invalid_utf8"
                yield Row(number, problem=problem)
                continue
            if not checked:
                _require_columns(path, list(record), columns)
                checked = True
            text, label = record.get(columns.text), record.get(columns.label)
            yield _from_values(number, text, label)


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _from_values(number: int, text: object, label: object) -> Row:
    """Makes a row from typed values: numbers and booleans are labels, never texts."""
    if text is None or label is None:
        return Row(number, problem="missing_field")
    if isinstance(text, bytes) or isinstance(label, bytes):
        return _from_bytes(number, text, label)
    if not isinstance(text, str) or not isinstance(label, str | int | bool):
        return Row(number, problem="wrong_type")
    return _checked_text(number, text, str(label))


def _from_bytes(number: int, text: object, label: object) -> Row:
    try:
        text = text.decode() if isinstance(text, bytes) else text
        label = label.decode() if isinstance(label, bytes) else label
    except UnicodeDecodeError:
        return Row(number, problem="invalid_utf8")
    return _from_values(number, text, label)


def _read_parquet(path: Path, columns: Columns) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error
    _require_columns(path, list(table.schema_arrow.names), columns)
    number = 0
    for batch in table.iter_batches(columns=[columns.text, columns.label]):
        values = batch.to_pydict()
        for text, label in zip(
            values[columns.text], values[columns.label], strict=True
        ):
            number += 1
            yield _from_values(number, text, label)


def _read_tfrecord(path: Path, columns: Columns) -> Iterator[Row]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    compression = "GZIP" if path.suffix.lower() == ".gz" else ""
    records = tf.data.TFRecordDataset(str(path), compression_type=compression)
    try:
        for number, record in enumerate(records.as_numpy_iterator(), 1):
            features = tf.train.Example.FromString(record).features.feature
            if number == 1:
                _require_columns(path, sorted(features), columns)
            text, label = (_first(features, c) for c in (columns.text, columns.label))
            yield _from_values(number, text, label)
    except (tf.errors.DataLossError, DecodeError) as error:
        raise DataError(f"{path} is not a TFRecord file of tf.Examples.") from error


def _first(features: Any, name: str) -> bytes | int | None:
    if name not in features:  # A protobuf map would make it.
        return None
    feature = features[name]
    values = feature.bytes_list.value or feature.int64_list.value
    return values[0] if len(values) == 1 else None


READERS: dict[str, Callable[[Path, Columns], Iterator[Row]]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
    ".tfrecord": _read_tfrecord,
    ".tfrecords": _read_tfrecord,
}
