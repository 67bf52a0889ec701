"""Every row that was read: usable, changed or dropped, and where it stands."""

import bisect
import collections
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pipeline.data.config import DataConfig
from pipeline.data.notes import MAX_EXAMPLES, Note, rows_told, visible
from pipeline.data.repeats import text_key
from pipeline.errors import DataError
from serving.text_files.reading import read_rows
from serving.text_files.rows import Columns, advice_for
from serving.text_files.shown import named

_SHOWN_EXAMPLES = 3
_BYTES_PER_LETTER = 4
"""At most, in UTF-8."""


class Census:
    """Sorts rows into usable and dropped, and keeps what notes are made of.

    `rows` holds the usable ones, in the order of the files. `keys` maps every text,
    normalised, to the position of its first row, and `repeats` that position to those
    of the other rows with this text.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._columns = Columns(text=config.text_column, label=config.label_column)
        self._column_names = (
            text_key(config.text_column),
            text_key(config.label_column),
        )
        self._plain: dict[str, str] = {}
        self._numbers: list[int] = []
        self._files: list[tuple[int, str]] = []
        self._dropped_at: dict[str, list[str]] = collections.defaultdict(list)
        self._dropped_lines = 0
        self.told: list[str] = []
        self._trimmed: collections.Counter[str] = collections.Counter()
        self._trimmed_at: dict[str, str] = {}
        self.rows: list[tuple[str, str]] = []
        self.keys: dict[str, int] = {}
        self.repeats: dict[int, list[int]] = {}
        self.dropped: collections.Counter[str] = collections.Counter()

    def read(self, file: Path) -> None:
        """Reads a file and adds its rows.

        Raises:
            TextFileError: It is not what its name says.
            DataError: It begins anew in the middle, with its columns the other way.
        """
        file_name = named(Path(file.name))
        self._files.append((len(self.rows), file_name))
        limit = self._config.max_text_bytes // _BYTES_PER_LETTER
        plain, rows, keys, numbers = self._plain, self.rows, self.keys, self._numbers
        position = len(rows)

        def told(sentence: str) -> None:
            self.told.append(f"{file_name}: {sentence}")

        # Rows are many: they are taken apart at once, and most pass by one test.
        for number, cell, label_cell, problem, lines in read_rows(
            file, self._columns, told
        ):
            text = cell.strip()
            label = plain.get(label_cell)
            if label is None or problem or not text or len(text) > limit:
                place = f"{file_name}:{number}"
                label = label_cell.strip()
                problem = problem or self._problem(text, label, place)
                if problem:
                    self._drop(problem, place, lines)
                    continue
                self._remember(label_cell, label, place)
            first = keys.setdefault(text_key(text), position)
            if first != position:
                self.repeats.setdefault(first, []).append(position)
            rows.append((text, label))
            numbers.append(number)
            position += 1

    def _remember(self, cell: str, label: str, place: str) -> None:
        """Lets the next rows with this label pass, unless each needs a second look."""
        if cell != label:
            self._trimmed[cell] += 1
            self._trimmed_at.setdefault(cell, place)
        elif _name_key(label) not in self._column_names:
            self._plain[cell] = label

    def _problem(self, text: str, label: str, place: str) -> str | None:
        if not text:
            return "empty_text"
        if not label:
            return "empty_label"
        if "\0" in text or "\0" in label:
            return "nul_byte"
        if "\n" in label or "\r" in label:
            return "line_break_in_label"
        if len(text.encode()) > self._config.max_text_bytes:
            return "text_too_long"
        if _name_key(label) in self._column_names:
            return self._header_again(place, text, label)
        return None

    def _header_again(self, place: str, text: str, label: str) -> str | None:
        """Finds the first line of another file in the middle of this one."""
        names = _name_key(text), _name_key(label)
        if names == self._column_names:
            return "header_row_again"
        if names == self._column_names[::-1]:
            raise DataError(
                f"{place} names the columns again, the other way round: "
                f"{visible(text)} stands where the text is, {visible(label)} "
                "where the label is. Below it texts would be taken for labels. Two "
                "files with another order of columns were joined: reorder one of them."
            )
        return None

    def _drop(self, problem: str, place: str, lines: int) -> None:
        self.dropped[problem] += 1
        self._dropped_lines += lines
        if len(self._dropped_at[problem]) < _SHOWN_EXAMPLES:
            self._dropped_at[problem].append(place)

    def place(self, position: int) -> str:
        """Says where the usable row at `position` stands, such as `mine.csv:7`."""
        at = bisect.bisect_right(self._files, position, key=lambda file: file[0]) - 1
        return f"{self._files[at][1]}:{self._numbers[position]}"

    def place_of_label(self, label: str) -> str:
        """Says where the first usable row with `label` stands."""
        return self.place(
            next(at for at, row in enumerate(self.rows) if row[1] == label)
        )

    def notes(self) -> list[Note]:
        """Says how files were read, and which labels lost the spaces around them."""
        found = [
            Note(
                what="remarks on how the files were read",
                count=len(self.told),
                examples=tuple(self.told[:MAX_EXAMPLES]),
                advice="Nothing to do if that is how they are meant.",
            ),
            Note(
                what="labels with spaces around them, which were removed",
                count=self._trimmed.total(),
                examples=tuple(
                    f"{visible(cell, marked=' ')} ({rows_told(count)}, first "
                    f"{self._trimmed_at[cell]})"
                    for cell, count in self._trimmed.most_common(MAX_EXAMPLES)
                ),
                advice="Nothing to do: the label counts without them.",
            ),
        ]
        return [note for note in found if note.count]

    def dropped_told(self) -> list[str]:
        """Names every reason for dropping rows, with the first places."""
        return [
            f"{count:,} {reason.replace('_', ' ')} "
            f"({', '.join(self._dropped_at[reason])}"
            f"{', …' if count > _SHOWN_EXAMPLES else ''})"
            for reason, count in self.dropped.most_common()
        ]

    def refuse_empty(self, files: Sequence[Path]) -> NoReturn:
        """Raises `DataError`: the files of a split were read without a usable row."""
        names = ", ".join(map(named, files[:_SHOWN_EXAMPLES]))
        told = "; ".join(self.dropped_told()) or "there is a header and nothing below"
        raise DataError(
            f"{names}: no row can be used ({told}). Mend the file, or remove it: then "
            "rows of train are put aside."
        )

    def check(self, path: Path) -> None:
        """Raises `DataError` where too little is left.

        A dropped row counts with all its lines: it may hold many that ran together.
        """
        told = "; ".join(self.dropped_told()) or "it has a header and nothing below"
        if not self.rows:
            raise DataError(
                f"{named(path)} holds no usable row: {told}.{advice_for(self.dropped)}"
            )
        dropped = self._dropped_lines
        total = len(self.rows) + dropped
        if dropped / total > self._config.max_dropped_fraction:
            raise DataError(
                f"{named(path)}: {dropped:,} of {total:,} rows cannot be used "
                f"({dropped / total:.1%}, allowed "
                f"{self._config.max_dropped_fraction:.1%}): {told}. Mend the file"
                f"{_or_accept(dropped / total)}.{advice_for(self.dropped)}"
            )


def _name_key(cell: str) -> str:
    """Gives the name of a column, also behind a BOM, where quotes stay quotes."""
    return text_key(cell).strip('"')


def _or_accept(share: float) -> str:
    """Names a bound that such a loss keeps, if there is one."""
    enough = max(0.5, math.ceil(100 * share) / 100)
    if enough >= 1:
        return ""
    return f", or accept the loss with --set data.max_dropped_fraction={enough:g}"
