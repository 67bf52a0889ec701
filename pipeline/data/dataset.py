"""What a run learns from: rows by split, and what became of the others."""

import collections
import dataclasses
import functools
import hashlib
import operator
from collections.abc import Mapping

from model import contract
from pipeline.data.notes import Note


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows by split, and what became of the others.

    `splits` maps a name of `contract.SPLITS` to `(text, label)` pairs. `dropped`
    counts rows by reason; `notes` say what to know about those that were kept.
    `unlabelled` are texts for a teacher, none of them in a split.
    """

    source: str
    splits: Mapping[str, list[tuple[str, str]]]
    dropped: Mapping[str, int]
    notes: tuple[Note, ...] = ()
    unlabelled: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """All labels of the train split, sorted: their order is the class id."""
        return self.labels_of(contract.TRAIN)

    @property
    def unmeasured_labels(self) -> list[str]:
        """Labels without a test row, sorted: no number says how well they are known."""
        return sorted({*self.labels} - {*self.labels_of(contract.TEST)})

    def label_counts(self, split: str) -> collections.Counter[str]:
        """Counts the rows of every label of a split."""
        return self._label_counts[split]

    @functools.cached_property
    def _label_counts(self) -> dict[str, collections.Counter[str]]:
        label = operator.itemgetter(1)
        return {
            split: collections.Counter(map(label, rows))
            for split, rows in self.splits.items()
        }

    def labels_of(self, split: str) -> list[str]:
        """All labels of a split, sorted."""
        return sorted(self.label_counts(split))

    @property
    def sha256(self) -> str:
        """Hash of every kept row and its split, independent of the file format."""
        digest = hashlib.sha256()
        for split in contract.SPLITS:
            for text, label in self.splits[split]:
                digest.update(repr((split, text, label)).encode())
        for text in self.unlabelled:
            digest.update(repr((contract.UNLABELLED, text)).encode())
        return digest.hexdigest()
