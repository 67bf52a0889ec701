"""Finds the version directories in what a person calls "the model's folder"."""

import os
import pathlib

from model import contract
from serving.version_dirs import find_versions


class ServedFolderError(ValueError):
    """A folder without anything to serve; the message lists what was found."""


def find_base_path(folder: str | os.PathLike[str]) -> pathlib.Path:
    """The folder that holds `1/`, `2/`, ...

    Args:
        folder: a run's output, which has it as `serving_model/`, or itself.

    Raises:
        ServedFolderError: neither.
    """
    path = pathlib.Path(folder)
    if not path.is_dir():
        raise ServedFolderError(
            f"{path} is no folder. Give the output folder of a run, or a folder with "
            "version directories."
        )
    for candidate in (path / contract.SERVING_DIR, path):
        if candidate.is_dir() and find_versions(str(candidate)):
            return candidate
    raise ServedFolderError(_explain(path))


def _explain(path: pathlib.Path) -> str:
    if (path / "saved_model.pb").exists():
        return (
            f"{path} is itself a SavedModel. A server wants the folder above it, with "
            f"versions as numbers: move it to {path.parent / 'models' / '1'} and give "
            f"{path.parent / 'models'}."
        )
    if (path / contract.SERVING_DIR).is_dir():
        return (
            f"{path / contract.SERVING_DIR} holds no version yet: the run did not push "
            "a model. Its report says why."
        )
    found = ", ".join(sorted(entry.name for entry in path.iterdir())[:8]) or "nothing"
    return (
        f"{path} holds neither {contract.SERVING_DIR}/ nor version directories such as "
        f"1/. Found: {found}. Train first: ktp run --data PATH --output {path}."
    )
