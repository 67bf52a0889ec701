"""A folder of numbered versions, as model servers read it."""

import os

import tensorflow as tf

from model import contract


def versions(base: str) -> list[int]:
    """Lists the complete versions of a folder, the oldest first."""
    return sorted(int(name) for name in names(base) if _is_version(name))


def newest(base: str) -> int | None:
    """Gives the version that a server serves; None where there is none."""
    return max(versions(base), default=None)


def highest(base: str) -> int:
    """Gives the highest number ever used, withdrawn or not; 0 where there is none."""
    return max([*versions(base), *withdrawn(base)], default=0)


def withdrawn(base: str) -> list[int]:
    """Lists the versions that somebody took back, the oldest first."""
    prefix = contract.WITHDRAWN_PREFIX
    hidden = (
        name.removeprefix(prefix) for name in names(base) if name.startswith(prefix)
    )
    return sorted(int(name) for name in hidden if _is_version(name))


def path_of(base: str, version: int | str) -> str:
    """Says where a version is, or would be."""
    return os.path.join(base, str(version))


def names(base: str) -> list[str]:
    """Lists a folder; an object store ends the names of folders with a slash."""
    if not tf.io.gfile.isdir(base):
        return []
    return [name.rstrip("/") for name in tf.io.gfile.listdir(base)]


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit()
