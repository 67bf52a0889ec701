"""Checked, split, labelled text: what a run learns from, before any TFX node starts.

Bad input is found here within a second or two, with the file and the line named,
instead of minutes later in a Beam worker.
"""

import collections
import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from model import contract
from pipeline.data.config import DataConfig
from pipeline.errors import DataError
from serving.text_files.reading import READERS, read_rows
from serving.text_files.rows import Columns, Row, TextFileError

_SPLIT_NAMES = {
    contract.TRAIN: ("train", "training"),
    contract.VALIDATION: ("validation", "valid", "val", "dev", "eval"),
    contract.TEST: ("test",),
}
_BUCKETS = 1000
_SHOWN_EXAMPLES = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows by split, and what became of the others.

    `splits` maps a name of `contract.SPLITS` to `(text, label)` pairs. `dropped`
    counts rows by reason, `noted` rows that were kept with a change or a doubt.
    """

    source: str
    splits: Mapping[str, list[tuple[str, str]]]
    dropped: Mapping[str, int]
    noted: Mapping[str, int]

    @property
    def labels(self) -> list[str]:
        """All labels of the train split, sorted: their order is the class id."""
        return sorted({label for _, label in self.splits[contract.TRAIN]})

    @property
    def sha256(self) -> str:
        """Hash of every kept row and its split, independent of the file format."""
        digest = hashlib.sha256()
        for split in contract.SPLITS:
            for text, label in self.splits[split]:
                digest.update(repr((split, text, label)).encode())
        return digest.hexdigest()


def load(path: Path, config: DataConfig) -> Dataset:
    """Reads a file, or a folder of train/validation/test files, and splits it.

    Raises:
        DataError: Nothing usable is there; the message says where and what to do.
    """
    census = _Census(config)
    splits: dict[str, list[tuple[str, str]]] = {name: [] for name in contract.SPLITS}
    for split, files in _files_by_split(path).items():
        for file in files:
            try:
                splits[split].extend(census.usable(file))
            except TextFileError as error:
                raise DataError(str(error)) from error
    census.check(path)
    splits = _completed(splits, config, census)
    dataset = Dataset(
        source=str(path),
        splits=splits,
        dropped=dict(census.dropped),
        noted=dict(census.noted),
    )
    _check_labels(dataset, config)
    return dataset


def _files_by_split(path: Path) -> dict[str, list[Path]]:
    """Finds the files; a single one is train, and `_completed` splits it."""
    if not path.exists():
        raise DataError(
            f"{path} does not exist. --data takes a file of labelled text, or a "
            "folder with train, validation and test files."
        )
    if path.is_file():
        return {contract.TRAIN: [path]}
    found = {split: _split_files(path, split) for split in contract.SPLITS}
    if not found[contract.TRAIN]:
        names = ", ".join(sorted(p.name for p in path.iterdir())[:20]) or "nothing"
        raise DataError(
            f"{path} holds no train file; it holds {names}. Name the files "
            f"train.csv, validation.csv and test.csv (or {', '.join(READERS)})."
        )
    return found


def _split_files(folder: Path, split: str) -> list[Path]:
    """Finds `train.csv`, or shards such as `train-00000-of-00004.tfrecord`."""
    files = []
    for file in sorted(folder.iterdir()):
        stem = file.name.split(".")[0].split("-")[0].lower()
        suffixes = [suffix.lower() for suffix in file.suffixes]
        if stem in _SPLIT_NAMES[split] and any(s in READERS for s in suffixes):
            files.append(file)
    return files


class _Census:
    """Sorts rows into usable, changed and dropped, and remembers a few of each."""

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._columns = Columns(text=config.text_column, label=config.label_column)
        self._kept = 0
        self._places: dict[str, list[str]] = collections.defaultdict(list)
        self.dropped: collections.Counter[str] = collections.Counter()
        self.noted: collections.Counter[str] = collections.Counter()

    def usable(self, file: Path) -> Iterator[tuple[str, str]]:
        for row in read_rows(file, self._columns):
            problem = row.problem or self._problem(row)
            if problem:
                self._drop(problem, f"{file.name}:{row.number}")
                continue
            if row.label != row.label.strip():
                self.noted["label_whitespace_trimmed"] += 1
            self._kept += 1
            yield row.text.strip(), row.label.strip()

    def _problem(self, row: Row) -> str | None:
        if not row.text.strip():
            return "empty_text"
        if not row.label.strip():
            return "empty_label"
        if "\0" in row.text or "\0" in row.label:
            return "nul_byte"
        if any(mark in row.label.strip() for mark in "\r\n"):
            return "line_break_in_label"
        if len(row.text.encode()) > self._config.max_text_bytes:
            return "text_too_long"
        return None

    def _drop(self, problem: str, place: str) -> None:
        self.dropped[problem] += 1
        if len(self._places[problem]) < _SHOWN_EXAMPLES:
            self._places[problem].append(place)

    def check(self, path: Path) -> None:
        """Raises `DataError` where too little is left."""
        total = self._kept + self.dropped.total()
        if not self._kept:
            raise DataError(f"{path} holds no usable row: {self._told()}")
        fraction = self.dropped.total() / total
        if fraction > self._config.max_dropped_fraction:
            raise DataError(
                f"{path}: {self.dropped.total():,} of {total:,} rows cannot be used "
                f"({fraction:.1%}, allowed {self._config.max_dropped_fraction:.1%}): "
                f"{self._told()} Mend the file, or accept the loss with "
                "--set data.max_dropped_fraction=0.5."
            )

    def _told(self) -> str:
        if not self.dropped:
            return "it has a header and nothing below."
        reasons = [
            f"{count:,} {reason.replace('_', ' ')} ({', '.join(self._places[reason])})"
            for reason, count in self.dropped.most_common()
        ]
        return "; ".join(reasons) + "."


def _completed(
    splits: dict[str, list[tuple[str, str]]], config: DataConfig, census: _Census
) -> dict[str, list[tuple[str, str]]]:
    """Takes missing splits out of train, by a hash of the text.

    The hash makes the split stable: a row keeps its split when others are added,
    and equal texts share one.
    """
    wanted = {
        contract.TEST: config.test_fraction,
        contract.VALIDATION: config.validation_fraction,
    }
    fractions = {name: part for name, part in wanted.items() if not splits[name]}
    completed = {name: list(rows) for name, rows in splits.items()}
    completed[contract.TRAIN] = []
    for text, label in splits[contract.TRAIN]:
        completed[_split_of(text, fractions)].append((text, label))
    _return_unlearnt(completed, fractions, census)
    _note_overlap(completed, census)
    return completed


def _split_of(text: str, fractions: Mapping[str, float]) -> str:
    digest = hashlib.sha256(text.casefold().encode()).digest()
    position = int.from_bytes(digest[:8], "big") % _BUCKETS / _BUCKETS
    for split, fraction in fractions.items():
        if position < fraction:
            return split
        position -= fraction
    return contract.TRAIN


def _return_unlearnt(
    splits: dict[str, list[tuple[str, str]]],
    fractions: Mapping[str, float],
    census: _Census,
) -> None:
    """Gives rows back to train whose label the hash left without a train row."""
    learnt = {label for _, label in splits[contract.TRAIN]}
    for split in fractions:
        stray = [row for row in splits[split] if row[1] not in learnt]
        if stray:
            splits[contract.TRAIN] += stray
            splits[split] = [row for row in splits[split] if row[1] in learnt]
            census.noted["moved_to_train_for_a_rare_label"] += len(stray)


def _note_overlap(splits: Mapping[str, list[tuple[str, str]]], census: _Census) -> None:
    seen = {text for text, _ in splits[contract.TRAIN]}
    for split in (contract.VALIDATION, contract.TEST):
        shared = sum(text in seen for text, _ in splits[split])
        if shared:
            census.noted[f"{split}_text_also_in_train"] += shared


def _check_labels(dataset: Dataset, config: DataConfig) -> None:
    counts = collections.Counter(label for _, label in dataset.splits[contract.TRAIN])
    if len(counts) < 2:
        raise DataError(
            f"{dataset.source} has one label only, '{next(iter(counts))}'. A "
            "classifier needs at least two."
        )
    rare = [
        label for label in sorted(counts) if counts[label] < config.min_rows_per_label
    ]
    if rare:
        raise DataError(
            f"{dataset.source}: {_named(rare)} with fewer than "
            f"{config.min_rows_per_label} rows to learn from. Add rows, remove the "
            "label, or accept it with --set data.min_rows_per_label=1."
        )
    for split in (contract.VALIDATION, contract.TEST):
        rows = dataset.splits[split]
        if not rows:
            raise DataError(
                f"{dataset.source}: no row is left for the {split} split. Give more "
                f"rows, a {split} file, or a larger data.{split}_fraction."
            )
        unknown = sorted({label for _, label in rows} - counts.keys())
        if unknown:
            raise DataError(
                f"{dataset.source}: {_named(unknown)} in the {split} split that the "
                "train split does not have. Add train rows for it, or remove it."
            )


def _named(labels: Iterable[str]) -> str:
    labels = list(labels)
    shown = ", ".join(f"'{label}'" for label in labels[:5])
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return f"{len(labels)} label{'s' * (len(labels) > 1)} ({shown}{more})"
