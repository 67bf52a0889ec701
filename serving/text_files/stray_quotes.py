"""Notices two stray quotes that made one text of the rows between them."""

import collections
from collections.abc import Collection, Sequence

from serving.text_files.rows import TextFileError
from serving.text_files.shown import shown

_SURE_LINES = 50
_MANY_LINES = 5
_MAX_DOUBTS = 1_000
_LIKE_ROWS = 0.9


class SwallowedRows:
    """Judges records of several lines by whether their lines look like rows.

    A line looks like one if it has the right number of fields and, where labels are
    read, the label of another row; half of them will do, for a label may be in the
    swallowed rows only. A text of several lines hardly ever looks so, line by line.
    Labels may also come later, so that the last word is `check_doubts`, which also
    knows whether texts of several lines are usual here. The label that stands before or
    behind the quotes is the record's own, and says nothing.

    Attributes:
        labels: of rows that take one line, and are in no doubt.
    """

    def __init__(self, name: str, delimiter: str, width: int, advice: str) -> None:
        self.labels: set[str] = set()
        self._name, self.delimiter, self._advice = name, delimiter, advice
        self._commas = width - 1
        self._records = 0
        self._doubts: list[tuple[int, str, int, list[str | None]]] = []

    def check(
        self,
        number: int,
        lines: Sequence[str],
        cells: Sequence[str],
        label_at: int | None,
    ) -> None:
        """Judges a record of several lines.

        Raises:
            TextFileError: They are rows.
        """
        self._records += 1
        if not 0 < self._commas == lines[0].count(self.delimiter):
            return
        if len(lines) == 2 and lines[1].count(self.delimiter) < self._commas:
            return  # One row, with a line break at the end of its last field.
        enclosed = _with_label_in_quotes(lines, cells, label_at)
        rows = [line for line in enclosed if line.count(self.delimiter) == self._commas]
        if not rows or len(rows) < _LIKE_ROWS * len(enclosed):
            return
        end = number + len(lines) - 1
        if label_at is None:
            if len(rows) >= _SURE_LINES:
                raise self._error(number, lines[0], end)
            return
        # Few lines may hold numbers such as `1,000` by chance.
        label_of = _label_unless_number if self._may_be_numbers(rows) else _label
        labels = [label_of(row.split(self.delimiter), label_at) for row in rows]
        if len(labels) > 1 and _are_known(labels, self.labels):
            raise self._error(number, lines[0], end)
        if len(self._doubts) < _MAX_DOUBTS:
            self._doubts.append((number, lines[0], end, labels))

    def _may_be_numbers(self, rows: Sequence[str]) -> bool:
        return self.delimiter == "," and len(rows) < _MANY_LINES

    def check_doubts(self) -> None:
        """Judges anew, at the end of the file, what the labels did not decide.

        Raises:
            TextFileError: A record holds other rows.
        """
        known = {label.strip() for label in self.labels}
        found = [
            doubt
            for doubt in self._doubts
            if _are_known(doubt[3], known) or _repeat(doubt[3])
        ]
        # By chance one line says `not sure, maybe`, and many are a list of things.
        is_usual = 2 * len(found) <= self._records
        for number, line, end, labels in found:
            is_sure = len(labels) > 1 and _are_known(labels, known)
            if is_sure or not is_usual:
                raise self._error(number, line, end)

    def _error(self, number: int, line: str, end: int) -> TextFileError:
        return TextFileError(
            f"{self._name}, line {number}: the quote that opens a text here is closed "
            f"in line {end}, and what is between looks like rows: "
            f"'{shown(line.strip())}'. {self._advice}"
        )


def _label(cells: Sequence[str], label_at: int) -> str | None:
    """Gives the label of a line if it is a row."""
    return cells[label_at].strip(' "\r\n')


def _label_unless_number(cells: Sequence[str], label_at: int) -> str | None:
    """Gives the label of a line if it is a row; of `1,000` and `0,5` none."""
    if len(cells) == 2 and cells[0][-1:].isdigit() and cells[1][:1].isdigit():
        return None
    return _label(cells, label_at)


def _are_known(labels: list[str | None], known: Collection[str]) -> bool:
    return sum(label in known for label in labels if label) >= len(labels) / 2


def _repeat(labels: list[str | None]) -> bool:
    """Whether many lines have few labels among them."""
    counts = collections.Counter(filter(None, labels))
    repeated = sum(count for count in counts.values() if count > 1)
    return len(labels) >= _MANY_LINES and repeated >= len(labels) / 2


def _with_label_in_quotes(
    lines: Sequence[str], cells: Sequence[str], label_at: int | None
) -> Sequence[str]:
    """Leaves out the first and the last line where their label is the record's own."""
    broken = [at for at, cell in enumerate(cells) if "\n" in cell or "\r" in cell]
    if label_at is None or not broken:
        return lines[:-1]
    start = 0 if broken[0] <= label_at else 1
    end = len(lines) if label_at <= broken[-1] else len(lines) - 1
    return lines[start:end]
