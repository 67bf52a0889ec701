"""Texts without labels, for a teacher to score: read, and kept apart from the test."""

import collections
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from model import contract
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset
from pipeline.data.notes import MAX_EXAMPLES, Note, visible
from pipeline.data.repeats import text_key
from pipeline.errors import DataError
from serving.text_files.reading import read_texts
from serving.text_files.rows import TextFileError, advice_for
from serving.text_files.shown import named

_LEAK, _KNOWN, _AGAIN = "leak", "known", "again"
_TOLD = {
    _LEAK: (
        "unlabelled texts that stand in validation or test, too, and were left out",
        "Nothing to do: learnt from, they would make the numbers too good.",
    ),
    _KNOWN: (
        "unlabelled texts that stand in train, too, and were left out",
        "Nothing to do: the teacher scores those of train.",
    ),
    _AGAIN: (
        "unlabelled texts that stand in the file before, and were left out",
        "Nothing to do: each counts once.",
    ),
}


def add(dataset: Dataset, path: Path, config: DataConfig) -> Dataset:
    """Adds the texts of a file that are not in `dataset` already.

    Args:
        dataset: what has labels.
        path: CSV, JSONL, Parquet or TFRecord, of which the text column is read; of any
            other file, each line.
        config: which rows can be used.

    Raises:
        DataError: The file cannot be read, or holds too little that can be used.
    """
    rows = _Rows(dataset, config)
    try:
        texts = list(rows.usable(path))
    except TextFileError as error:
        raise DataError(f"--unlabelled: {error}") from error
    rows.check(path)
    if not texts:
        raise DataError(
            f"--unlabelled {named(path)} holds no text that is new: all stand in the "
            "data already. Leave it out, or name a file of other texts."
        )
    return dataclasses.replace(
        dataset, unlabelled=tuple(texts), notes=(*dataset.notes, *rows.notes(path))
    )


class _Rows:
    """Tells the texts that are new from the others, and counts these."""

    def __init__(self, dataset: Dataset, config: DataConfig) -> None:
        self._config = config
        self._count = 0
        self._problems: collections.Counter[str] = collections.Counter()
        self._left_out: dict[str, list[str]] = {reason: [] for reason in _TOLD}
        self._told: list[str] = []
        self._reason_of = {
            text_key(text): _KNOWN if split == contract.TRAIN else _LEAK
            for split in contract.SPLITS  # Train first: a leak weighs more.
            for text, _ in dataset.splits[split]
        }

    def usable(self, path: Path) -> Iterator[str]:
        """Yields the texts that are new."""
        for row in read_texts(path, self._config.text_column, self._told.append):
            self._count += 1
            text = row.text.strip()
            if problem := row.problem or self._problem(text):
                self._problems[problem] += 1
                continue
            key = text_key(text)
            if reason := self._reason_of.get(key):
                self._left_out[reason].append(f"{visible(text)} (row {row.number:,})")
                continue
            self._reason_of[key] = _AGAIN
            yield text

    def _problem(self, text: str) -> str | None:
        if not text:
            return "empty_text"
        if len(text.encode()) > self._config.max_text_bytes:
            return "text_too_long"
        return None

    def check(self, path: Path) -> None:
        """Raises `DataError` where too many rows cannot be used.

        A blank line is none of them: in a file with one text a line it is usual.
        """
        bad = self._problems.total() - self._problems["empty_text"]
        share, allowed = bad / max(self._count, 1), self._config.max_dropped_fraction
        if share > allowed:
            told = self._problems_told()
            raise DataError(
                f"--unlabelled {named(path)}: {bad:,} of {self._count:,} rows cannot "
                f"be used ({share:.1%}, allowed {allowed:.1%}): {told}. Mend the file."
                f"{advice_for(self._problems)}"
            )

    def _problems_told(self) -> str:
        return ", ".join(
            f"{count:,} {problem.replace('_', ' ')}"
            for problem, count in self._problems.most_common()
        )

    def notes(self, path: Path) -> Iterator[Note]:
        """Says what was left out, with examples, and how the file was read."""
        for reason, (what, advice) in _TOLD.items():
            if found := self._left_out[reason]:
                examples = tuple(found[:MAX_EXAMPLES])
                yield Note(
                    what=what, count=len(found), examples=examples, advice=advice
                )
        told = [*self._told, *([self._problems_told()] if self._problems else [])]
        if told:
            yield Note(
                what=f"remarks on {named(path)}",
                count=len(told),
                examples=tuple(told),
                advice="Nothing to do if that is how it is meant.",
            )
