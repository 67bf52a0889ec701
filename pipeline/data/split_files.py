"""Which files of a folder hold which split. What could be meant in two ways stops."""

import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from model import contract
from pipeline.errors import DataError
from serving.text_files.reading import READERS
from serving.text_files.shown import listed, named
from serving.text_files.streams import format_suffix

Note = Callable[[str], None]

_SPLIT_NAMES = {
    contract.TRAIN: ("train", "training"),
    contract.VALIDATION: ("validation", "valid", "val", "dev", "eval"),
    contract.TEST: ("test", "testing"),
}
_SPLIT_OF = {name: split for split, names in _SPLIT_NAMES.items() for name in names}
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?:-[^.]*)?", re.ASCII)
# Beside the data, and no data: what editors, copies and downloads leave.
_LEFT_BEHIND = re.compile(
    r"\..*|#.*#|.*(~|\.(sw[a-z]|bak|orig|tmp|temp|part|crdownload))"
)


class _File(NamedTuple):
    path: Path
    name: str
    """What stands before the shard and the endings, such as `train`."""
    shard: str
    ending: str


def files_by_split(path: Path, note: Note) -> Mapping[str, list[Path]]:
    """Finds the files of each split; a single file is train.

    `note` is told, in a sentence, which files look like data and are not read.

    Raises:
        DataError: There is no train file, or one split could be read from several.
    """
    if not _is_folder(path):
        return {contract.TRAIN: [path]}
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise DataError(f"{named(path)} cannot be read: {error.strerror}.") from error
    found = [_parsed(entry) for entry in entries if not _is_left_behind(entry)]
    files = [file for file in found if file is not None]
    of_split = {
        split: _one_set(path, split, [f for f in files if _SPLIT_OF[f.name] == split])
        for split in contract.SPLITS
    }
    if not of_split[contract.TRAIN]:
        raise DataError(
            f"{named(path)} holds no train file; it holds {_held(entries)}. "
            "Name the files train.csv, validation.csv and test.csv (or "
            f"{', '.join(READERS)}), or give --data one file."
        )
    _note_others(entries, files, note)
    return of_split


def _held(entries: list[Path]) -> str:
    return ", ".join(named(Path(entry.name)) for entry in entries[:20]) or "nothing"


def _is_folder(path: Path) -> bool:
    """Whether to look inside; raises where there is neither a folder nor a file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        where = (
            f"is a link to {named(path.readlink())}, which does not exist"
            if path.is_symlink()
            else "does not exist"
        )
        raise DataError(
            f"{named(path)} {where}. --data takes a file of labelled text, or a "
            "folder with train, validation and test files."
        ) from None
    except OSError as error:
        raise DataError(f"{named(path)} cannot be read: {error.strerror}.") from error
    return stat.S_ISDIR(mode)


def _is_left_behind(entry: Path) -> bool:
    return _LEFT_BEHIND.fullmatch(entry.name.lower()) is not None


def _parsed(entry: Path) -> _File | None:
    """Takes a name such as `train-00000-of-00004.tfrecord.gz` apart."""
    if format_suffix(entry) not in READERS:
        return None
    stem, _, ending = entry.name.lower().partition(".")
    name, dash, rest = stem.partition("-")
    if name not in _SPLIT_OF:
        return None
    if entry.is_dir():
        raise DataError(
            f"{named(entry)} is a folder, and its name is that of a file. Rename it, "
            "or name the file inside with --data."
        )
    return _File(entry, name, dash + rest, ending)


def _one_set(folder: Path, split: str, files: list[_File]) -> list[Path]:
    """Gives the file, or all shards, of a split; the same rows never twice."""
    names = [file.path.name for file in files]
    kinds = {(file.name, file.ending, bool(file.shard)) for file in files}
    if len(kinds) > 1:
        raise DataError(
            f"{named(folder)} holds the {split} split more than once: {listed(names)}. "
            "If they are the same rows, keep one; if not, join them into one file, or "
            f"name them {files[0].name}-00000-of-{len(files):05d} and so on."
        )
    _require_all_shards(folder, files)
    return [file.path for file in files]


def _require_all_shards(folder: Path, files: list[_File]) -> None:
    shards = [_SHARD.fullmatch(file.shard) for file in files]
    counts = {int(shard[2]) for shard in shards if shard is not None}
    numbers = {int(shard[1]) for shard in shards if shard is not None}
    if not counts:
        return
    missing = sorted(set(range(max(counts))) - numbers)
    if len(counts) > 1 or len(numbers) < len(files) or missing:
        raise DataError(
            f"{named(folder)} does not hold each shard once: it has "
            f"{listed([file.path.name for file in files])}"
            + (f"; number {missing[0]} of {max(counts)} is missing" if missing else "")
            + ". Fetch the rest, or remove those of another set."
        )


def _note_others(entries: list[Path], files: list[_File], note: Note) -> None:
    read = {file.path for file in files}
    others = [
        entry.name
        for entry in entries
        if entry not in read
        and not _is_left_behind(entry)
        and format_suffix(entry) in READERS
    ]
    if others:
        note(f"not read, because the name says no split: {listed(others, 5)}")
