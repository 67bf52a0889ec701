"""Rows of JSON Lines files."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from serving.text_files.rows import (
    Columns,
    Note,
    Records,
    Row,
    TextFileError,
    is_unicode,
    row_of_values,
)
from serving.text_files.shown import named, shown
from serving.text_files.streams import decoded, without_bom


def read_json_lines(path: Path, columns: Columns, note: Note) -> Iterator[Row]:
    """Yields a row for each line that is not blank."""
    with decoded(path, note) as stream:
        yield from Records(path, columns).rows(_rows(stream, path, columns))


def _rows(
    lines: Iterator[str], path: Path, columns: Columns
) -> Iterator[tuple[Row, Iterable[str]]]:
    text_key, label_key = map(json.dumps, (columns.text, columns.label))
    is_first = True
    for number, line in enumerate(lines, 1):
        line = without_bom(line)
        if not line.strip():
            continue
        if is_first and line.lstrip().startswith("["):
            raise TextFileError(_no_lines(path, number, line))
        is_first = False
        record = _object(line)
        if record is None:
            problem = "invalid_json" if is_unicode(line) else "invalid_utf8"
            yield Row(number, problem=problem), ()
        elif (line.count(text_key) > 1 and _is_doubled(line, columns.text)) or (
            line.count(label_key) > 1 and _is_doubled(line, columns.label)
        ):
            yield Row(number, problem="doubled_field"), record
        else:
            label = record.get(columns.label) if columns.label else ""
            yield row_of_values(number, record.get(columns.text), label), record


def _object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _is_doubled(line: str, name: str | None) -> bool:
    """Whether the outer object has `name` twice; JSON would take the last."""
    pairs = json.loads(line, object_pairs_hook=list)
    return [key for key, _ in pairs].count(name) > 1


def _no_lines(path: Path, number: int, line: str) -> str:
    return (
        f"{named(path)}, line {number}: this is a JSON array, '{shown(line, 30)}'; "
        "JSON Lines have one object on each line. Make them of an array of objects "
        "with: jq -c '.[]' OLD > NEW.jsonl"
    )
