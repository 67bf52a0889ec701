"""Version directories below a base path."""

import dataclasses
import os
import re
from collections.abc import Iterable

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
# What absl::SimpleAtoi takes: a sign and spaces are fine, and so are leading zeros.
_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_SCHEME = re.compile(r"[a-zA-Z][0-9a-zA-Z.]*://")


@dataclasses.dataclass(frozen=True)
class VersionDirs:
    """Version number to directory, and which directories lost to a namesake."""

    paths: dict[int, str]
    ignored: dict[int, tuple[str, ...]]


def has_scheme(path: str) -> bool:
    """Tells whether it is a URI such as `gs://bucket/model`."""
    return _SCHEME.match(path) is not None


def list_versions(base_path: str) -> VersionDirs:
    """Finds versions, and the directories whose number another one has too.

    Names that are not an int64 are left out. Upstream's choice: of `1` and `001` the
    last in alphabetical order counts. A path with a scheme is listed by TensorFlow,
    which this imports then.

    Raises:
        OSError: there is no such base path, or it cannot be read.
    """
    names = _remote_names(base_path) if has_scheme(base_path) else _names(base_path)
    paths: dict[int, str] = {}
    ignored: dict[int, tuple[str, ...]] = {}
    for name in sorted(names):
        if not _NUMBER.fullmatch(name):
            continue
        number = int(name)
        if not INT64_MIN <= number <= INT64_MAX:
            continue
        if number in paths:
            loser = os.path.basename(paths[number])
            ignored[number] = (*ignored.get(number, ()), loser)
        paths[number] = os.path.join(base_path, name)
    return VersionDirs(paths, ignored)


def _names(base_path: str) -> list[str]:
    with os.scandir(base_path) as entries:
        # The name first: it is free, while `is_dir` may ask the file system.
        return [e.name for e in entries if _NUMBER.fullmatch(e.name) and e.is_dir()]


def _remote_names(base_path: str) -> Iterable[str]:
    import tensorflow as tf

    try:
        if not tf.io.gfile.exists(base_path):
            raise FileNotFoundError(f"{base_path} not found")
        # An object store may list all descendants, and marks folders with a slash.
        return {name.split("/")[0] for name in tf.io.gfile.listdir(base_path)}
    except tf.errors.OpError as error:
        raise OSError(error.message) from None
