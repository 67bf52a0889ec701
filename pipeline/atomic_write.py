"""Files that a reader sees old or new, never half."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes `path` whole or not at all; half a character becomes a question mark.

    Raises:
        OSError: The folder is not there or cannot be written.
    """
    unfinished = path.with_name(f"{_prefix(path)}{secrets.token_hex(4)}")
    try:
        # Who may read it is left to the umask; `tempfile` would let nobody else.
        with open(unfinished, "xb") as file:
            file.write(text.encode("utf-8", errors="replace"))
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def unfinished_of(path: Path) -> Iterator[Path]:
    """Finds what writers of `path` left that were killed; sure if none is at work."""
    prefix = _prefix(path)
    for found in path.parent.iterdir():
        if found.name.startswith(prefix):
            yield found


def _prefix(path: Path) -> str:
    return f".{path.name}."
