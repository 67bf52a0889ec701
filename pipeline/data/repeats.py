"""Texts that stand in the data more than once: twice, under two labels, in two splits.

Texts that differ only in case, spacing or Unicode form count as the same.
"""

import collections
import dataclasses
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from model import contract
from pipeline.data.notes import MAX_EXAMPLES, Note, visible

Row = tuple[str, str]
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Invisible in a text; what a label may hide is looked for letter by letter."""


def text_key(text: str) -> str:
    """Gives what two texts have in common that are the same for a reader."""
    # Printable without two spaces: no invisible letter, no space but single ones.
    is_plain = text.isprintable() and "  " not in text
    if not text.isascii():
        shown = text if is_plain else _UNSEEN.sub("", text)
        text = unicodedata.normalize("NFKC", shown)
    folded = text.casefold()
    return folded if is_plain else " ".join(folded.split())


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Again:
    """Rows with one text, by their positions: the first one and those after it."""

    rows: Sequence[int]
    labels: Sequence[str]
    splits: Sequence[str]
    texts: Sequence[str]


class Repeats:
    """Finds what stands where more than once.

    Args:
        rows: `(text, label)` pairs.
        repeats: The position of a first row, and those of the others with its text.
        splits: The split of each row.
        place: Says where the row at a position stands, such as `mine.csv:7`.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        repeats: Mapping[int, Sequence[int]],
        splits: Sequence[str],
        place: Callable[[int], str],
    ) -> None:
        self._place = place
        self._found = [
            self._again([first, *later], rows, splits)
            for first, later in repeats.items()
        ]

    def _again(
        self, positions: list[int], rows: Sequence[Row], splits: Sequence[str]
    ) -> _Again:
        return _Again(
            rows=positions,
            labels=[rows[position][1] for position in positions],
            splits=[splits[position] for position in positions],
            texts=[rows[position][0] for position in positions],
        )

    def notes(self) -> list[Note]:
        """Says which texts contradict themselves, leak into a test, or are doubled."""
        return [
            note
            for note in (
                self._contradictions(),
                self._leaks(contract.TEST, contract.TRAIN),
                self._leaks(contract.VALIDATION, contract.TRAIN),
                self._leaks(contract.TEST, contract.VALIDATION),
                self._doubled(),
            )
            if note.count
        ]

    def _contradictions(self) -> Note:
        found = [again for again in self._found if len(set(again.labels)) > 1]
        return Note(
            what="texts under more than one label",
            count=len(found),
            examples=tuple(map(self._labels_told, found[:MAX_EXAMPLES])),
            advice="No model can be right about both. Decide for one label, or leave "
            "the text out.",
        )

    def _labels_told(self, again: _Again) -> str:
        by_label: dict[str, list[int]] = collections.defaultdict(list)
        for position, label in zip(again.rows, again.labels, strict=True):
            by_label[label].append(position)
        told = [
            f"{visible(label)} ({self._places(positions)})"
            for label, positions in list(by_label.items())[:4]
        ]
        more = f" and {len(by_label) - 4} labels more" if len(by_label) > 4 else ""
        return f"{visible(again.texts[0])} is {', '.join(told)}{more}"

    def _leaks(self, split: str, other: str) -> Note:
        found = [a for a in self._found if split in a.splits and other in a.splits]
        return Note(
            what=f"{split} rows whose text is also in {other}",
            count=sum(again.splits.count(split) for again in found),
            examples=tuple(
                f"{visible(again.texts[0])} ({self._places(again.rows)})"
                for again in found[:MAX_EXAMPLES]
            ),
            advice="The model has seen the answer, so the numbers are too good. "
            f"Remove them from one of the files, or give no {split} file: then rows "
            "of train are put aside, equal texts together.",
        )

    def _doubled(self) -> Note:
        count = 0
        examples: list[str] = []
        for again in self._found:
            pairs = list(zip(again.labels, again.splits, strict=True))
            more = len(pairs) - len(set(pairs))
            count += more
            if more and len(examples) < MAX_EXAMPLES:
                examples.append(
                    f"{visible(again.texts[0])}, {len(pairs):,} times "
                    f"({self._places(again.rows)})"
                )
        return Note(
            what="rows that stand there already, case and spacing aside",
            count=count,
            examples=tuple(examples),
            advice="Each counts again, in training and in every number. Remove them "
            "if that is not meant.",
        )

    def _places(self, positions: Sequence[int]) -> str:
        shown = ", ".join(map(self._place, positions[:3]))
        more = f" and {len(positions) - 3:,} more" if len(positions) > 3 else ""
        return f"{shown}{more}"
