"""What was pushed, which version is live, and how another one becomes it.

A server serves the highest number of its folder. So a version is taken back by giving
it a name that no server reads, and brought back by giving it its number again; nothing
is copied or lost. SavedModel and device files go together.
"""

import dataclasses
import os
import types
from collections.abc import Iterable, Iterator
from typing import Any

from model import contract
from model.settings import quoted
from pipeline.errors import SettingError

_DEVICES_FIRST = (contract.EDGE_DIR, contract.SERVING_DIR)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PushedVersion:
    """One version, and what of it there is; `is_live` where servers answer with it."""

    number: int
    is_live: bool
    is_withdrawn: bool
    has_saved_model: bool
    has_device_files: bool

    @property
    def state(self) -> str:
        """In one word."""
        if self.is_live:
            return "live"
        return "withdrawn" if self.is_withdrawn else "earlier"


@dataclasses.dataclass(frozen=True)
class PushedModels:
    """The folder that gets `serving_model/` and `edge/`; a path, or a gs:// URI."""

    root: str

    def versions(self) -> list[PushedVersion]:
        """Lists all, the newest first.

        Raises:
            SettingError: nothing was ever pushed there.
        """
        found = {folder: self._names(folder) for folder in _DEVICES_FIRST}
        visible, hidden = (
            {folder: set(_numbers(names, prefix)) for folder, names in found.items()}
            for prefix in ("", contract.WITHDRAWN_PREFIX)
        )
        served = visible[contract.SERVING_DIR]
        numbers = set().union(*visible.values(), *hidden.values())
        if not numbers:
            raise SettingError(
                f"{quoted(self.root)} holds no pushed models; allowed: the --output of "
                f"`ktp run` or the --push-root of `ktp compile`, with "
                f"{contract.SERVING_DIR}/ and {contract.EDGE_DIR}/ in it."
            )
        return [
            PushedVersion(
                number=number,
                is_live=number == max(served, default=None),
                is_withdrawn=number in hidden[contract.SERVING_DIR],
                has_saved_model=number in served | hidden[contract.SERVING_DIR],
                has_device_files=number
                in visible[contract.EDGE_DIR] | hidden[contract.EDGE_DIR],
            )
            for number in sorted(numbers, reverse=True)
        ]

    def promote(self, number: int) -> None:
        """Makes a version the live one: it is brought back, and newer ones withdrawn.

        Interrupted, a second call ends it. Servers switch when they next look.

        Raises:
            SettingError: there is no such version.
        """
        known = {version.number: version for version in self.versions()}
        chosen = known.get(number)
        if chosen is None or not chosen.has_saved_model:
            there = ", ".join(str(n) for n, v in known.items() if v.has_saved_model)
            raise SettingError(
                f"Version {number} is not in {self.root}; there are {there}."
            )
        # Brought back before newer ones go: there is always something to serve.
        for folder in _DEVICES_FIRST:
            self._rename(folder, f"{contract.WITHDRAWN_PREFIX}{number}", str(number))
        for folder in reversed(_DEVICES_FIRST):
            for newer in _numbers(self._names(folder), ""):
                if newer > number:
                    hidden = f"{contract.WITHDRAWN_PREFIX}{newer}"
                    self._rename(folder, str(newer), hidden)

    def roll_back(self) -> int:
        """Withdraws the live version; says which one is live then.

        Raises:
            SettingError: there is none before it.
        """
        older = [
            version.number
            for version in self.versions()
            if version.has_saved_model and not (version.is_live or version.is_withdrawn)
        ]
        if not older:
            raise SettingError(
                f"{self.root} holds no version before the live one, and servers need "
                "one. `ktp models promote` brings back one that was withdrawn."
            )
        self.promote(older[0])
        return older[0]

    def _names(self, folder: str) -> list[str]:
        path = f"{self.root}/{folder}"
        if not self._files.isdir(path):
            return []
        return [name.rstrip("/") for name in self._files.listdir(path)]

    def _rename(self, folder: str, name: str, new_name: str) -> None:
        if name in self._names(folder):
            base = f"{self.root}/{folder}"
            self._files.rename(f"{base}/{name}", f"{base}/{new_name}")

    @property
    def _files(self) -> Any:
        if "://" not in self.root:
            return types.SimpleNamespace(
                isdir=os.path.isdir, listdir=os.listdir, rename=os.rename
            )
        import tensorflow as tf  # Takes seconds, which a path need not wait for.

        return tf.io.gfile


def _numbers(names: Iterable[str], prefix: str) -> Iterator[int]:
    for name in names:
        rest = name.removeprefix(prefix)
        if name.startswith(prefix) and rest.isascii() and rest.isdigit():
            yield int(rest)
