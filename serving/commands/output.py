"""Predictions on the terminal: a table, or JSON lines; progress beside them."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import click

from model import contract
from serving.client import prediction as of_client
from serving.edge import prediction as of_edge
from serving.text_files.shown import harmless, json_line

Prediction = of_client.Prediction | of_edge.Prediction

TABLE_ROWS = 500
"""A longer table comes in pieces, so that memory does not grow with the input."""
PROGRESS_EVERY_S = 0.5
EMPTY_TEXT, UNKNOWN_TEXT = "empty text", "unknown text"
REJECTED = "none of these"


class Answer(NamedTuple):
    """What one row is answered with: a prediction, or the reason why there is none.

    `row` is its number in the file, and None for a text of the command line.
    """

    row: int | None
    text: str
    prediction: Prediction | None = None
    problem: str | None = None

    @property
    def note(self) -> str | None:
        """What to know about the prediction: of such a text it is a guess.

        The cause comes first: a text that nobody can read is likely rejected, too.
        """
        if self.prediction is None:
            return None
        if not self.text.strip():
            return EMPTY_TEXT
        if self.prediction.text_is_unknown:
            return UNKNOWN_TEXT
        return REJECTED if self.prediction.is_rejected else None


def print_json(answers: Iterable[Answer]) -> None:
    """Prints one object per row, as they come."""
    for answer in answers:
        click.echo(json_line(_json(answer)))


def _json(answer: Answer) -> dict[str, Any]:
    values: dict[str, Any] = {} if answer.row is None else {"row": answer.row}
    if answer.prediction is None:
        # With a label, so that a script finds in each row what it looks for.
        return {**values, contract.TEXT: None, "label": None, "error": answer.problem}
    values |= {contract.TEXT: answer.text, **answer.prediction.to_dict()}
    return values if answer.note is None else {**values, "note": answer.note}


def print_table(answers: Iterable[Answer]) -> None:
    """Prints a table, or one for every `TABLE_ROWS` rows.

    If the answers end with an error, those before it are printed first.
    """
    part: list[Answer] = []
    try:
        for answer in answers:
            part.append(answer)
            if len(part) == TABLE_ROWS:
                _print_part(part)
                part = []
    finally:
        if part:
            _print_part(part)


def _print_part(answers: list[Answer]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_numbered = answers[0].row is not None
    numbers = ["row"] if is_numbered else []
    table = Table(*numbers, "text", "label", "score", "next best")
    for answer in answers:
        # Text, because rich would read [brackets] in a plain string as markup.
        cells = [str(answer.row)] if is_numbered else []
        table.add_row(*map(Text, cells + _cells(answer)))
    Console().print(table)


def _cells(answer: Answer) -> list[str]:
    prediction = answer.prediction
    if prediction is None:
        return ["", f"({answer.problem})", "", ""]
    others = zip(prediction.labels[1:3], prediction.scores[1:3], strict=True)
    rest = ", ".join(f"{label} {score:.1%}" for label, score in others)
    text = f"({EMPTY_TEXT})" if answer.note == EMPTY_TEXT else harmless(answer.text)
    label = harmless(prediction.label)
    if answer.note in (UNKNOWN_TEXT, REJECTED):
        label += f" ({answer.note})"
    return [text, label, f"{prediction.score:.1%}", harmless(rest)]


def with_progress(answers: Iterable[Answer]) -> Iterator[Answer]:
    """Passes answers on, and shows their number, if only stderr is a terminal."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from answers
        return
    start = last = time.monotonic()
    count = 0
    for answer in answers:
        yield answer
        count += 1
        now = time.monotonic()
        if now - last >= PROGRESS_EVERY_S:
            last = now
            _show(count, now - start, end="\r")
    _show(count, time.monotonic() - start, end="\n")


def _show(count: int, seconds: float, end: str) -> None:
    rate = count / max(seconds, 1e-9)
    print(
        f"{count:,} texts, {rate:,.0f} a second", end=end, file=sys.stderr, flush=True
    )
