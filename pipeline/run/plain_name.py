"""A name that every library takes, for a folder that has another.

TFX, Beam and TensorFlow take `*`, `?`, `[` and a backslash in a path for a pattern of
names, and find nothing. They get a link to the folder instead.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SettingError

_PLAIN = re.compile(r"[A-Za-z0-9/._@+=~-]*")
_LINKS = "output-folders"


@contextlib.contextmanager
def plain_name(folder: Path, cache_dir: Path) -> Iterator[Path]:
    """Gives the folder itself, or a link to it that goes at the end.

    The link has the same name in the next run: TFX's cache knows artifacts by it.

    Raises:
        SettingError: There is no place for a link with a plain name.
    """
    if is_plain(folder):
        yield folder
        return
    link = _links_dir(folder, cache_dir) / _name_of(folder)
    _remove(link)  # A killed run left it.
    link.symlink_to(folder)
    try:
        yield link
    finally:
        _remove(link)
        with contextlib.suppress(OSError):  # Another run has a link there.
            link.parent.rmdir()


def _remove(link: Path) -> None:
    # A library makes folders anew that somebody removed under it.
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    else:
        link.unlink(missing_ok=True)


def is_plain(path: Path) -> bool:
    """Whether no library sees a pattern in this name."""
    return _PLAIN.fullmatch(str(path)) is not None


def _name_of(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _links_dir(folder: Path, cache_dir: Path) -> Path:
    """Makes a folder for links that nobody else can write to."""
    shared = Path(tempfile.gettempdir()) / f"ktp-{os.getuid()}"
    for place in (cache_dir / _LINKS, shared):
        if not is_plain(place):
            continue
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        owner = place.lstat()
        if owner.st_uid == os.getuid() and not place.is_symlink():
            return place
    raise SettingError(
        f"The output folder {folder} has a name in which TensorFlow would "
        "see a pattern, and there is no place for a link to it. Name another with "
        "--output, of letters, digits, dots and dashes, or make the folder writable "
        f"that XDG_CACHE_HOME names: {cache_dir}."
    )
