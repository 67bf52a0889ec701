"""Predictions on the terminal: a table, or JSON lines; progress beside them."""

import json
import sys
import time
from collections.abc import Iterable, Iterator

import click

from model import contract
from serving.client.parts import parts_of
from serving.client.prediction import Prediction

Row = tuple[str, Prediction]

TABLE_ROWS = 500
"""A longer table comes in pieces, so that memory does not grow with the input."""
PROGRESS_EVERY_S = 0.5


def print_json(rows: Iterable[Row]) -> None:
    """Prints one object per text, as they come."""
    for text, prediction in rows:
        answer = {contract.TEXT: text, **prediction.to_dict()}
        click.echo(json.dumps(answer, ensure_ascii=False))


def print_table(rows: Iterable[Row]) -> None:
    """Prints a table, or one for every `TABLE_ROWS` texts."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for part in parts_of(rows, TABLE_ROWS):
        table = Table("text", "label", "score", "next best")
        for text, prediction in part.items:
            others = zip(prediction.labels[1:3], prediction.scores[1:3], strict=True)
            rest = ", ".join(f"{label} {score:.1%}" for label, score in others)
            # Text, because rich would read [brackets] in a plain string as markup.
            cells = (text, prediction.label, f"{prediction.score:.1%}", rest)
            table.add_row(*map(Text, cells))
        Console().print(table)


def with_progress(rows: Iterable[Row]) -> Iterator[Row]:
    """Passes rows on, and shows their number on stderr, if only that is a terminal."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from rows
        return
    start = shown = time.monotonic()
    count = 0
    for row in rows:
        yield row
        count += 1
        now = time.monotonic()
        if now - shown >= PROGRESS_EVERY_S:
            shown = now
            _show(count, now - start, end="\r")
    _show(count, time.monotonic() - start, end="\n")


def _show(count: int, seconds: float, end: str) -> None:
    rate = count / max(seconds, 1e-9)
    print(
        f"{count:,} texts, {rate:,.0f} a second", end=end, file=sys.stderr, flush=True
    )
