"""Texts from files and standard input for `ktp predict`, however many."""

import csv
import json
import pathlib
import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TextIO

from serving.client.parts import Part

IDLE_S = 0.05
"""After so long without a new line, the lines read so far are sent."""
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class TextFileError(ValueError):
    """A file does not hold what was asked for."""


def texts_of_file(path: str, text_column: str) -> Iterator[str]:
    """Reads the texts of a file, without blank ones, as they are needed.

    `.csv`, `.tsv` and `.jsonl` have a column of texts; any other file has one a line.

    Raises:
        OSError: the file cannot be read.
        TextFileError: the column is not there, or a line is not a JSON object.
    """
    suffix = pathlib.Path(path).suffix.lower()
    # utf-8-sig: spreadsheets begin a file with a mark, which is not part of the text.
    with open(path, encoding="utf-8-sig", newline="") as file:
        if suffix in _DELIMITERS:
            texts = _column(file, path, text_column, _DELIMITERS[suffix])
        elif suffix in (".jsonl", ".ndjson"):
            texts = _json_lines(file, path, text_column)
        else:
            texts = lines(file)
        yield from (text for text in texts if text.strip())


def lines(file: Iterable[str]) -> Iterator[str]:
    """Yields lines without their ends and without blank ones."""
    for line in file:
        text = line.rstrip("\r\n")
        if text.strip():
            yield text


def parts_as_they_come(file: TextIO, size: int) -> Iterator[Part[list[str]]]:
    """Yields parts of up to `size` lines; empty ones while no line comes.

    So `tail -f log | ktp predict` answers at once, and a large file goes in full parts.
    A thread reads, at most two parts ahead.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is not text.
    """
    waiting: queue.Queue[str | Exception | None] = queue.Queue(2 * size)
    threading.Thread(target=_read, args=(file, waiting), daemon=True).start()
    start, is_open = 0, True
    while is_open:
        taken, is_open = _take(waiting, size)
        yield Part(range(start, start + len(taken)), taken)
        start += len(taken)


def _read(file: TextIO, waiting: queue.Queue[str | Exception | None]) -> None:
    try:
        for text in lines(file):
            waiting.put(text)
    except (OSError, ValueError) as error:
        waiting.put(error)
    else:
        waiting.put(None)


def _take(
    waiting: queue.Queue[str | Exception | None], size: int
) -> tuple[list[str], bool]:
    """Takes up to `size` lines, fewer when no more come soon; False at the end."""
    taken: list[str] = []
    while len(taken) < size:
        try:
            text = waiting.get(timeout=IDLE_S)
        except queue.Empty:
            break
        if text is None:
            return taken, False
        if isinstance(text, Exception):
            raise text
        taken.append(text)
    return taken, True


def _column(file: TextIO, path: str, text_column: str, delimiter: str) -> Iterator[str]:
    csv.field_size_limit(sys.maxsize)  # a long text is not a mistake
    rows = csv.DictReader(file, delimiter=delimiter)
    if text_column not in (rows.fieldnames or ()):
        found = ", ".join(rows.fieldnames or ()) or "nothing"
        raise TextFileError(
            f"{path} has no column {text_column!r}; its first line names: {found}. "
            "Say which holds the texts: --text-column NAME."
        )
    for row in rows:
        yield row[text_column] or ""


def _json_lines(file: TextIO, path: str, text_column: str) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)[text_column]
        except (ValueError, KeyError, TypeError) as error:
            raise TextFileError(
                f"{path}, line {number}: expected an object with {text_column!r}; "
                f"{type(error).__name__}: {error}."
            ) from None
        if not isinstance(text, str):
            raise TextFileError(
                f"{path}, line {number}: {text_column!r} is {text!r}, no text."
            )
        yield text
