"""Which rows are put aside for validation and for the test, label by label.

A hash of the text gives every text a place between 0 and 1, and the first stretch is
the test, the next one validation. So a text keeps its split when others are added,
equal texts share one, and the order of the file does not matter. Only where this
leaves a label with too few or too many rows are texts moved, the nearest first.
"""

import collections
import dataclasses
import functools
import hashlib
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from model import contract

_BUCKETS = 1000
_TOLERANCE = 0.2
"""A label's share of a split may be so far from the fraction, relative to it. Less
would move more rows whenever some are added, into the test of a live model that has
learnt them: measured on 77 labels of 130 rows that double, 1 % of the rows change
places with 0.2, 3 % with 0."""
_MAX_COVERAGE = 2.0
_FREE_COVERAGE_ROWS = 50
"""A row of every label is wanted in a split, unless that needs more than so many times
its fraction: 1,500 labels of four rows would lose half of what they learn from. Up to
50 rows are always given: a fraction of a tiny file measures nothing."""

Row = tuple[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to take from the rows: `fractions` by split, and what must stay.

    A label keeps `min_train_rows` of its rows, or all of them.
    """

    fractions: Mapping[str, float]
    min_train_rows: int


class _Text(NamedTuple):
    """One text with all its rows; sorted, the nearest to the test comes first."""

    bucket: int
    digest: int
    positions: tuple[int, ...]


def split_of_each(
    rows: Sequence[Row],
    repeats: Mapping[int, Sequence[int]],
    keys: Mapping[str, int],
    want: Wanted,
) -> list[str]:
    """Names the split of each row.

    Args:
        rows: `(text, label)` pairs.
        repeats: The position of a first row, and those of the others with its text.
        keys: Normalised texts, whose hash decides, and the position of their first row.
        want: How much to take.
    """
    texts = _Texts(rows, repeats, keys)
    limits = _Limits(texts.rows_of, want)
    taken: list[tuple[_Text, str]] = []
    for label, near in texts.near(sum(want.fractions.values())).items():
        of_label = _Taking(limits, texts.rows_of[label], want)
        if not of_label.is_enough_of(near):
            of_label.is_enough_of(texts.all_of(label))
            of_label.add_heavy(texts.all_of(label))
        taken += of_label.taken
    split_of = [contract.TRAIN] * len(rows)
    for text, split in _with_none_empty(taken, want):
        for position in text.positions:
            split_of[position] = split
    if texts.have_several_labels:
        _give_back(split_of, rows, [text for text, _ in taken], want)
    return split_of


class _Texts:
    """The different texts of the rows, by label.

    A text under several labels goes with its most frequent one. `rows_of` counts the
    rows of every label in this sense.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        repeats: Mapping[int, Sequence[int]],
        keys: Mapping[str, int],
    ) -> None:
        self._rows = rows
        self._keys = keys
        self._repeats: dict[int, tuple[int, ...]] = {}
        self._label_of: dict[int, str] = {}
        self.rows_of = collections.Counter(map(operator.itemgetter(1), rows))
        self.have_several_labels = False
        for first, later in repeats.items():
            positions = tuple(at for at in (first, *later) if at < len(rows))
            if positions:  # Others are rows of another file.
                self._repeats[first] = positions
                self._label_of[first] = self._most_frequent(positions)

    def _most_frequent(self, positions: Sequence[int]) -> str:
        counts = collections.Counter(self._rows[at][1] for at in positions)
        chosen = min(counts, key=lambda label: (-counts[label], label))
        self.have_several_labels |= len(counts) > 1
        self.rows_of.subtract(counts)
        self.rows_of[chosen] += len(positions)
        return chosen

    def near(self, stretch: float) -> dict[str, list[_Text]]:
        """Gives every label its texts in the first `stretch` of all places."""
        end = math.ceil(stretch * _BUCKETS)
        near: dict[str, list[_Text]] = {label: [] for label in self.rows_of}
        rows, sha256, from_bytes = self._rows, hashlib.sha256, int.from_bytes
        for key, first in self._keys.items():
            place = from_bytes(sha256(key.encode()).digest()[:8], "big")
            bucket = place % _BUCKETS
            if bucket >= end or first >= len(rows):
                continue
            positions = self._repeats.get(first) or (first,)
            label = self._label_of.get(first) or rows[first][1]
            near[label].append(_Text(bucket, place, positions))
        return near

    def all_of(self, label: str) -> list[_Text]:
        """Gives all texts of a label."""
        return self._by_label[label]

    @functools.cached_property
    def _by_label(self) -> dict[str, list[_Text]]:
        return self.near(1.0)


class _Limits:
    """How many rows of a label should, and may, go into a split."""

    def __init__(self, rows_of: Mapping[str, int], want: Wanted) -> None:
        self._fractions = want.fractions
        self.splits = _split_of_buckets(want.fractions)
        spare = [rows for rows in rows_of.values() if rows > want.min_train_rows]
        self._covers_all = {
            split: sum(max(1.0, fraction * rows) for rows in spare)
            <= max(
                _MAX_COVERAGE * fraction * sum(rows_of.values()), _FREE_COVERAGE_ROWS
            )
            for split, fraction in want.fractions.items()
        }

    def of(self, split: str, rows: int) -> tuple[int, int]:
        """Gives the fewest and the most rows, for a label of `rows` rows."""
        share = self._fractions[split] * rows
        fewest = math.floor((1 - _TOLERANCE) * share)
        if self._covers_all[split] and share:
            fewest = max(fewest, 1)
        return fewest, max(fewest, math.ceil((1 + _TOLERANCE) * share))


class _Taking:
    """Takes texts of one label out of train; `taken` says into which split."""

    def __init__(self, limits: _Limits, rows: int, want: Wanted) -> None:
        self._own_splits = limits.splits
        self._limits = {split: limits.of(split, rows) for split in want.fractions}
        self._counts = dict.fromkeys(want.fractions, 0)
        self._spare = max(0, rows - want.min_train_rows)
        self._digests: set[int] = set()
        self.taken: list[tuple[_Text, str]] = []

    def is_enough_of(self, texts: Sequence[_Text]) -> bool:
        """Takes a text where its hash says, if there is room, or where rows lack.

        Returns:
            Whether every split has the fewest rows that it should have.
        """
        limits, counts = self._limits, self._counts
        for text in sorted(texts):
            own, rows = self._own_splits[text.bucket], len(text.positions)
            for split, (fewest, most) in limits.items():
                count = counts[split]
                if (
                    (split == own or count < fewest)
                    and count + rows <= most
                    and self._take(text, split)
                ):
                    break
        return all(counts[split] >= fewest for split, (fewest, _) in limits.items())

    def add_heavy(self, texts: Iterable[_Text]) -> None:
        """Takes one where each has too many rows: better more of them than none."""
        by_rows = sorted(texts, key=lambda text: (len(text.positions), text))
        for split, (fewest, _) in self._limits.items():
            left = [text for text in by_rows if text.digest not in self._digests]
            if fewest and not self._counts[split] and len(left) > 1:
                self._take(left[0], split)

    def _take(self, text: _Text, split: str) -> bool:
        rows = len(text.positions)
        if rows > self._spare or text.digest in self._digests:
            return False
        self._digests.add(text.digest)
        self.taken.append((text, split))
        self._counts[split] += rows
        self._spare -= rows
        return True


def _split_of_buckets(fractions: Mapping[str, float]) -> list[str]:
    """Names the split that a text of each bucket goes to if nothing speaks against."""
    splits = []
    for bucket in range(_BUCKETS):
        position, found = bucket / _BUCKETS, contract.TRAIN
        for split, fraction in fractions.items():
            if position < fraction:
                found = split
                break
            position -= fraction
        splits.append(found)
    return splits


def _with_none_empty(
    taken: list[tuple[_Text, str]], want: Wanted
) -> list[tuple[_Text, str]]:
    """Shares what was taken if a split got nothing, as where labels have one to spare.

    Two texts stay, because a test of one label measures nothing.
    """
    filled = {split for _, split in taken}
    for empty in want.fractions:
        if empty in filled or not want.fractions[empty]:
            continue
        share = want.fractions[empty] / sum(want.fractions.values())
        movable = min(max(1, round(share * len(taken))), max(0, len(taken) - 2))
        taken = sorted(taken)
        taken[:movable] = [(text, empty) for text, _ in taken[:movable]]
    return taken


def _give_back(
    split_of: list[str], rows: Sequence[Row], taken: Iterable[_Text], want: Wanted
) -> None:
    """Gives texts back to train that a label needs there, the farthest first.

    It can need some only where texts have several labels: they were counted as rows of
    their most frequent one.
    """
    labels_of = {text: {rows[at][1] for at in text.positions} for text in taken}
    totals = collections.Counter(map(operator.itemgetter(1), rows))
    lacking = {label: min(want.min_train_rows, totals[label]) for label in totals}
    for split, (_, label) in zip(split_of, rows, strict=True):
        if split == contract.TRAIN:
            lacking[label] -= 1
    for text in sorted(labels_of, reverse=True):
        if any(lacking[label] > 0 for label in labels_of[text]):
            for position in text.positions:
                split_of[position] = contract.TRAIN
                lacking[rows[position][1]] -= 1
