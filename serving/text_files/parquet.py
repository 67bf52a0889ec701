"""Rows of Parquet files. Needs pyarrow, which the `pipeline` extra brings."""

from collections.abc import Iterator
from pathlib import Path

from serving.text_files.rows import (
    Columns,
    Row,
    TextFileError,
    require_columns,
    row_of_values,
)


def read_parquet(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields a row per record."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise TextFileError(f"{path} is not a Parquet file: {error}") from error
    require_columns(path, list(table.schema_arrow.names), columns)
    number = 0
    for batch in table.iter_batches(columns=[columns.text, columns.label]):
        values = batch.to_pydict()
        for text, label in zip(
            values[columns.text], values[columns.label], strict=True
        ):
            number += 1
            yield row_of_values(number, text, label)
