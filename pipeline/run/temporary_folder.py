"""The one temporary folder of a run: its own, in the output folder, gone at its end.

Our own code, TFX, Beam, TensorFlow and every child process write what they need for a
moment to where `TMPDIR` says. Whoever is killed leaves it there; so it says a folder
that the next run knows, and that is on the disk whose room was checked.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SettingError


@contextlib.contextmanager
def temporary_folder(path: Path) -> Iterator[None]:
    """Makes `path` the temporary folder of this process and its children.

    What a killed run left there goes first: the caller holds the lock of the output
    folder, so nobody is at work in it.

    Raises:
        SettingError: The leftovers cannot be removed, or the folder not be made.
    """
    _make_anew(path)
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(path)
    try:
        with _home_of_keras(path):
            yield
    finally:
        _set_or_unset("TMPDIR", before[0])
        tempfile.tempdir = before[1]
        # What a dying child still writes into it, the next run removes.
        shutil.rmtree(path, ignore_errors=True)


def _make_anew(path: Path) -> None:
    try:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
        path.mkdir()
    except OSError as error:
        raise SettingError(
            f"The temporary folder {path} cannot be made anew: {error.strerror}.\n"
            "Remove it, or name another output folder with --output."
        ) from error


@contextlib.contextmanager
def _home_of_keras(path: Path) -> Iterator[None]:
    """Keeps Keras from making ~/.keras where there is none; a user's own one counts."""
    home = Path("~/.keras").expanduser()
    is_needed = "KERAS_HOME" not in os.environ and not home.exists()
    if is_needed:
        os.environ["KERAS_HOME"] = str(path / "keras")
    try:
        yield
    finally:
        if is_needed:
            _set_or_unset("KERAS_HOME", None)


def _set_or_unset(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
