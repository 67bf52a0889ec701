"""Finds the version directories in what a person calls "the model's folder"."""

import os
import pathlib
from collections.abc import Iterable

from model import contract
from serving.server.models.config import ModelEntry
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


def check_versions(model: ModelEntry) -> list[str]:
    """Lists versions and labels that are asked for and not there yet.

    Raises:
        ValueError: there is nothing that could be served, or a label names what will
            not be. A server would wait for ever, or refuse to start.
    """
    if not os.path.isdir(model.base_path):
        raise ValueError(
            f"{model.base_path} is no folder; give one that holds versions: 1/."
        )
    found = list_versions(model.base_path).paths
    if not found:
        raise ValueError(
            f"{model.base_path} holds no version directory (a number such as 1/); "
            f"found: {_names_in(model.base_path)}."
        )
    served = model.policy.select(found)
    missing = [n for n in model.policy.specific or () if n not in found]
    if not served:
        raise ValueError(
            f"No version {_joined(missing)} below {model.base_path}; there: "
            f"{_joined(sorted(found))}. Choose among these, or push it first."
        )
    for label, version in model.labels.items():
        if version in found and version not in served:
            raise ValueError(
                f"Label {label} names version {version} of {model.name}, and only "
                f"{_joined(served)} will be served. Add it to the versions to serve."
            )
    waits = [*missing, *(v for v in model.labels.values() if v not in found)]
    return [
        f"Version {n} of {model.name} is not below {model.base_path} yet."
        for n in dict.fromkeys(waits)
    ]


def why_nothing_loads(model: ModelEntry) -> str:
    """Says what a local model's folder lacks; empty when there is something to load."""
    if model.is_remote:
        return ""
    try:
        found = list_versions(model.base_path).paths
    except OSError as error:
        return f"{model.base_path} cannot be read ({os.strerror(error.errno or 0)})"
    if model.policy.select(found):
        return ""
    if not found:
        return f"no version directory below {model.base_path} yet"
    wanted = _joined(model.policy.specific or ())
    return f"no version {wanted} below {model.base_path} yet"


def _joined(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


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
