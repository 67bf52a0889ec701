"""Finds the version directories in what a person calls "the model's folder"."""

import os
import pathlib

from model import contract
from serving.version_dirs import list_versions


def find_base_path(folder: str | os.PathLike[str]) -> pathlib.Path:
    """Finds the folder that holds `1/`, `2/`, ...

    Args:
        folder: a run's output, which has it as `serving_model/`, or itself.

    Raises:
        ValueError: neither; the message lists what was found.
    """
    path = pathlib.Path(folder)
    if not path.is_dir():
        raise ValueError(
            f"{path} is no folder. Give the output folder of a run, or a folder with "
            "version directories."
        )
    for candidate in (path / contract.SERVING_DIR, path):
        if candidate.is_dir() and list_versions(str(candidate)).paths:
            return candidate
    raise ValueError(_explain(path))


def check_versions(base_path: str) -> None:
    """Raises `ValueError` for a folder that has no version directory."""
    if not os.path.isdir(base_path):
        raise ValueError(f"{base_path} is no folder; give one that holds versions: 1/.")
    if not list_versions(base_path).paths:
        raise ValueError(
            f"{base_path} holds no version directory (a number such as 1/); found: "
            f"{_names_in(base_path)}."
        )


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
    return (
        f"{path} holds neither {contract.SERVING_DIR}/ nor version directories such as "
        f"1/. Found: {_names_in(path)}. "
        f"Train first: ktp run --data PATH --output {path}."
    )


def _names_in(folder: str | os.PathLike[str]) -> str:
    return ", ".join(sorted(os.listdir(folder))[:8]) or "nothing"
