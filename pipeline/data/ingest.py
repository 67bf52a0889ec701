"""Checked, split, labelled text: what a run learns from, before any TFX node starts.

Bad input is found here within a second or two, with the file and the line named,
instead of minutes later in a Beam worker.
"""

import collections
import dataclasses
import operator
from pathlib import Path

from model import contract
from pipeline.data import label_coverage, look_alikes
from pipeline.data.census import Census
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset
from pipeline.data.notes import Note
from pipeline.data.repeats import Repeats
from pipeline.data.splits import Wanted, split_of_each
from pipeline.errors import DataError
from serving.text_files.reading import READERS
from serving.text_files.rows import TextFileError

_SPLIT_NAMES = {
    contract.TRAIN: ("train", "training"),
    contract.VALIDATION: ("validation", "valid", "val", "dev", "eval"),
    contract.TEST: ("test",),
}


def load(path: Path, config: DataConfig) -> Dataset:
    """Reads a file, or a folder of train/validation/test files, and splits it.

    Raises:
        DataError: Nothing usable is there; the message says where and what to do.
    """
    census = Census(config)
    given: list[str] = []
    for split, files in _files_by_split(path).items():
        for file in files:
            try:
                census.read(file)
            except TextFileError as error:
                raise DataError(str(error)) from error
        given += [split] * (len(census.rows) - len(given))
    census.check(path)
    split_of = _completed(given, census, config)
    splits: dict[str, list[tuple[str, str]]] = {name: [] for name in contract.SPLITS}
    for split, row in zip(split_of, census.rows, strict=True):
        splits[split].append(row)
    dataset = Dataset(source=str(path), splits=splits, dropped=dict(census.dropped))
    label_coverage.check(dataset, config)
    notes = _notes(census, split_of) + label_coverage.notes(dataset, config)
    return dataclasses.replace(dataset, notes=tuple(notes))


def _completed(given: list[str], census: Census, config: DataConfig) -> list[str]:
    """Takes the splits for which there is no file out of train."""
    wanted = {
        contract.TEST: config.test_fraction,
        contract.VALIDATION: config.validation_fraction,
    }
    present = set(given)
    want = Wanted(
        fractions={name: part for name, part in wanted.items() if name not in present},
        min_train_rows=config.min_rows_per_label,
    )
    train_rows = given.count(contract.TRAIN)  # They were read first.
    taken = split_of_each(census.rows[:train_rows], census.repeats, census.keys, want)
    return taken + given[train_rows:]


def _notes(census: Census, split_of: list[str]) -> list[Note]:
    counts = collections.Counter(map(operator.itemgetter(1), census.rows))

    def first_place(label: str) -> str:
        return census.place(
            next(at for at, row in enumerate(census.rows) if row[1] == label)
        )

    repeats = Repeats(census.rows, census.repeats, split_of, census.place)
    return [*look_alikes.notes(counts, first_place), *repeats.notes(), *census.notes()]


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
