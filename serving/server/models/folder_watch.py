"""What a model's base path holds, and complaints about it."""

import logging
from collections.abc import Callable, Mapping

from serving.server.models.config import ModelEntry
from serving.version_dirs import VersionDirs, list_versions

log = logging.getLogger(__name__)

Lister = Callable[[str], VersionDirs]


class FolderWatch:
    """Lists one model's base path again and again.

    Complaints have upstream's words. Upstream repeats them with every poll, for ever;
    here each is logged once, until what there is to complain about changes.
    """

    def __init__(self, lister: Lister = list_versions) -> None:
        self._lister = lister
        self._said: list[str] = []

    def look(self, entry: ModelEntry) -> dict[int, str] | None:
        """Maps version number to directory; None when the base path cannot be read."""
        try:
            found = self._lister(entry.base_path)
        except Exception as error:  # noqa: BLE001  a remote file system raises anything
            self._say(logging.ERROR, [_no_base_path(entry, error)])
            return None
        self._say(logging.WARNING, [*_duplicates(found), *_missing(entry, found.paths)])
        return found.paths

    def _say(self, level: int, complaints: list[str]) -> None:
        for complaint in complaints:
            if complaint not in self._said:
                log.log(level, "%s", complaint)
        self._said = complaints


def _no_base_path(entry: ModelEntry, error: Exception) -> str:
    cause = str(error)
    if isinstance(error, FileNotFoundError):
        cause = f"NOT_FOUND: {entry.base_path} not found"
    return (
        "FileSystemStoragePathSource encountered a filesystem access error: "
        f"Could not find base path {entry.base_path} for servable {entry.name} "
        f"with error {cause}"
    )


def _duplicates(found: VersionDirs) -> list[str]:
    return [
        f"Duplicate version directories detected. Version {number} will be loaded from "
        f"{found.paths[number].rpartition('/')[2]}, {name} will be ignored."
        for number, names in found.ignored.items()
        for name in names
    ]


def _missing(entry: ModelEntry, paths: Mapping[int, str]) -> list[str]:
    specific = entry.policy.specific
    if specific is not None and not specific:
        return [f"No specific versions requested for servable {entry.name}."]
    complaints = [
        f"Version {number} of servable {entry.name}, which was requested to be served "
        "as a 'specific' version in the servable's version policy, was not found in "
        "the file system"
        for number in specific or ()
        if number not in paths
    ]
    if not entry.policy.select(paths):
        complaints.append(
            f"No versions of servable {entry.name} found under base path "
            f"{entry.base_path}. Did you forget to name your leaf directory as a "
            "number (eg. '/1/')?"
        )
    return complaints
