"""Rows of Parquet files. Needs pyarrow, which the `pipeline` extra brings."""

import contextlib
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from serving.text_files.rows import (
    Columns,
    Note,
    Row,
    TextFileError,
    of_32_bits,
    require_columns,
    row_of_values,
)
from serving.text_files.shown import named, shown
from serving.text_files.streams import other_format, unpacked

_IN_MEMORY_BYTES = 64 * 2**20
_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"


def read_parquet(path: Path, columns: Columns, note: Note) -> Iterator[Row]:
    """Yields a row per record."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise TextFileError(
            f"{named(path)} is Parquet, and pyarrow, which reads it, is not installed. "
            "Install it with: pip install pyarrow"
        ) from error

    number = 0
    with _seekable(path, note) as file:
        try:
            table = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True)
            require_columns(path, list(table.schema_arrow.names), columns)
            _require_types(path, table.schema_arrow, columns)
            for batch in table.iter_batches(columns=list(columns.names)):
                for text, label in _values(batch, columns):
                    number += 1
                    yield row_of_values(number, text, label)
        except (pyarrow.ArrowException, OSError) as error:
            raise TextFileError(
                f"{named(path)} is a damaged Parquet file: after record {number}, "
                f"'{shown(error, 200)}'. Copy or write it again."
            ) from error


@contextlib.contextmanager
def _seekable(path: Path, note: Note) -> Iterator[IO[bytes]]:
    """Opens a Parquet file, whose table of contents stands at its end."""
    with unpacked(path, note) as file:
        head = file.peek(64)  # type: ignore[attr-defined]
        if head.startswith(_ENCRYPTED):
            raise TextFileError(
                f"{named(path)} is an encrypted Parquet file. Write it without a key."
            )
        if not head.startswith(_MAGIC):
            what, advice = other_format(head) or (None, "Name it by what it is.")
            found = what or f"it begins with '{shown(head[:20].decode('latin-1'))}'"
            raise TextFileError(
                f"{named(path)} is not a Parquet file: {found}. {advice}"
            )
        if path.suffix.lower() == ".parquet" and stat.S_ISREG(path.stat().st_mode):
            yield file
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def _values(batch: Any, columns: Columns) -> Iterator[tuple[Any, Any]]:
    texts = _plain(batch.column(columns.text))
    labels = (
        [""] * len(texts)
        if columns.label is None
        else _plain(batch.column(columns.label))
    )
    return zip(texts, labels, strict=True)


def _plain(column: Any) -> list[Any]:
    """Gives texts as bytes, so that one that is no UTF-8 costs its own row only."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_string(column.type):
        column = column.cast(pyarrow.binary())
    elif types.is_large_string(column.type):
        column = column.cast(pyarrow.large_binary())
    elif types.is_float16(column.type):
        column = column.cast(pyarrow.float32())
    values: list[Any] = column.to_pylist()
    return [*map(of_32_bits, values)] if types.is_float32(column.type) else values


def _require_types(path: Path, schema: Any, columns: Columns) -> None:
    """Refuses columns of lists, dates and the like, which are no text, at once."""
    for name in columns.names:
        kind = _kind(schema.field(name).type)
        if not (_is_text(kind) or (name == columns.label and _is_number(kind))):
            allowed = "text" if name == columns.text else "text, numbers or booleans"
            raise TextFileError(
                f"{named(path)}: the column '{shown(name)}' holds {shown(kind)}; it "
                f"must hold {allowed}. Convert it, or name another column."
            )


def _kind(kind: Any) -> Any:
    import pyarrow

    return kind.value_type if pyarrow.types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    # Views are younger than the oldest pyarrow that is allowed.
    views = (getattr(types, f"is_{name}_view", None) for name in ("string", "binary"))
    checks = (
        types.is_string,
        types.is_large_string,
        types.is_binary,
        types.is_large_binary,
        types.is_fixed_size_binary,
        types.is_null,
        *filter(None, views),
    )
    return any(check(kind) for check in checks)


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    checks = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    return any(check(kind) for check in checks)
