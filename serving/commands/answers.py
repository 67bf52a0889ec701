"""One answer for each row, in order: a prediction, or why there is none."""

from collections.abc import Iterable, Iterator

from serving.client import Client
from serving.client.parts import in_order
from serving.commands.output import Answer
from serving.commands.texts import Rows
from serving.text_files.rows import Row, advice_for

_SHOWN_ROWS = 5


def answers_of(
    client: Client, parts: Iterable[Rows], *, is_numbered: bool
) -> Iterator[Answer]:
    """Asks about the texts of many rows; an empty text is a question like others.

    Raises:
        ServingError: of the first part without an answer, naming its rows.
    """

    def answered(rows: list[Row]) -> list[Answer]:
        texts = [row.text for row in rows if row.problem is None]
        predictions = iter(client.classify(texts) if texts else ())
        return [
            Answer(
                row=row.number if is_numbered else None,
                text=row.text,
                prediction=None if row.problem else next(predictions),
                problem=row.problem and row.problem.replace("_", " "),
            )
            for row in rows
        ]

    for answers in in_order(answered, parts, client.config.max_parallel_requests):
        yield from answers


class Unanswered:
    """Counts the rows that had no answer, and remembers the first."""

    def __init__(self) -> None:
        self._count = self._total = 0
        self._shown: list[str] = []
        self._problems: set[str] = set()

    def watch(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """Passes answers on, and looks at them."""
        for answer in answers:
            self._total += 1
            if answer.prediction is None:
                self._count += 1
                self._problems.add((answer.problem or "").replace(" ", "_"))
                if len(self._shown) < _SHOWN_ROWS:
                    where = (
                        f"text {self._total}"
                        if answer.row is None
                        else f"row {answer.row}"
                    )
                    self._shown.append(f"{where}: {answer.problem}")
            yield answer

    def __str__(self) -> str:
        """Says how many they are and which; nothing when there is none."""
        if not self._count:
            return ""
        more = "; …" if self._count > len(self._shown) else ""
        return (
            f"{self._count:,} of {self._total:,} rows could not be asked: "
            f"{'; '.join(self._shown)}{more}. All others are answered above."
            + advice_for(sorted(self._problems))
        )
