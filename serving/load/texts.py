"""Texts to send: a column of a CSV or JSON lines file, or the lines of any other."""

import csv
import json
import pathlib
from collections.abc import Iterator

from model import contract


def read_texts(path: pathlib.Path, column: str = contract.TEXT) -> list[str]:
    """The texts that are not blank, in the file's order.

    Raises:
        ValueError: there is no such column, or no text at all.
    """
    texts = [text for text in _texts(path, column) if text.strip()]
    if not texts:
        raise ValueError(f"{path} holds no text.")
    return texts


def _texts(path: pathlib.Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            rows = csv.DictReader(file)
            if column not in (rows.fieldnames or ()):
                raise ValueError(_no_column(path, column, list(rows.fieldnames or ())))
            yield from (row[column] or "" for row in rows)
        elif path.suffix in (".jsonl", ".ndjson"):
            for line in filter(str.strip, file):
                row = json.loads(line)
                if not isinstance(row, dict) or column not in row:
                    raise ValueError(_no_column(path, column, list(row)))
                yield str(row[column])
        else:
            yield from (line.rstrip("\r\n") for line in file)


def _no_column(path: pathlib.Path, column: str, found: list[str]) -> str:
    return f"{path} has no column {column!r}; it has {', '.join(map(repr, found))}."
