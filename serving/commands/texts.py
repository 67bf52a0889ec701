"""Rows of texts for `ktp predict`, from files and standard input, however many."""

import queue
import threading
from collections.abc import Iterable, Iterator

from serving.client.parts import Part
from serving.text_files.rows import MAX_TEXT_BYTES, Row, TextFileError

IDLE_S = 0.05
"""After so long without a new line, the lines read so far are sent."""

Rows = Part[list[Row]]


class UntilFailure:
    """Rows up to where their source fails; the failure is kept for later.

    So the answers to the rows before it, which wait for their parts, are not lost.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.failure: TextFileError | None = None

    def __iter__(self) -> Iterator[Row]:
        try:
            for row in self._rows:
                yield _checked(row)
        except TextFileError as error:
            self.failure = error


def _checked(row: Row) -> Row:
    """Says of a text that it is too long to be one: then rows have run together."""
    if len(row.text) > MAX_TEXT_BYTES // 4 and len(row.text.encode()) > MAX_TEXT_BYTES:
        return row._replace(text="", problem="text_too_long")
    return row


def parts_of_rows(rows: Iterable[Row], size: int) -> Iterator[Rows]:
    """Cuts `size` rows at a time; a part is named by the numbers of its rows."""
    taken: list[Row] = []
    for row in rows:
        taken.append(row)
        if len(taken) == size:
            yield _part(taken)
            taken = []
    if taken:
        yield _part(taken)


def _part(rows: list[Row]) -> Rows:
    if not rows:
        return Part(range(0), rows)
    return Part(range(rows[0].number, rows[-1].number + 1), rows)


def parts_as_they_come(rows: Iterable[Row], size: int) -> Iterator[Rows]:
    """Yields parts of up to `size` rows; empty ones while no row comes.

    So `tail -f log | ktp predict` answers at once, and a large file goes in full parts.
    A thread reads, at most two parts ahead.
    """
    waiting: queue.Queue[Row | Exception | None] = queue.Queue(2 * size)
    threading.Thread(target=_read, args=(rows, waiting), daemon=True).start()
    is_open = True
    while is_open:
        taken, is_open = _take(waiting, size)
        yield _part(taken)


def _read(rows: Iterable[Row], waiting: queue.Queue[Row | Exception | None]) -> None:
    try:
        for row in rows:
            waiting.put(row)
    except Exception as error:  # noqa: BLE001 - raised again where it is waited for.
        waiting.put(error)
    else:
        waiting.put(None)


def _take(
    waiting: queue.Queue[Row | Exception | None], size: int
) -> tuple[list[Row], bool]:
    """Takes up to `size` rows, fewer when no more come soon; False at the end."""
    taken: list[Row] = []
    while len(taken) < size:
        try:
            row = waiting.get(timeout=IDLE_S)
        except queue.Empty:
            break
        if row is None:
            return taken, False
        if isinstance(row, Exception):
            raise row
        taken.append(row)
    return taken, True
