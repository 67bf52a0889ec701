"""Rows of JSON Lines files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.text_files.rows import (
    Columns,
    Row,
    is_unicode,
    require_columns,
    row_of_values,
)
from serving.text_files.streams import open_text


def read_json_lines(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields a row for each line that is not blank."""
    checked = False
    with open_text(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            record = _json_object(line)
            if record is None:
                problem = "invalid_json" if is_unicode(line) else "invalid_utf8"
                yield Row(number, problem=problem)
                continue
            if not checked:
                require_columns(path, list(record), columns)
                checked = True
            text, label = record.get(columns.text), record.get(columns.label)
            yield row_of_values(number, text, label)


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
