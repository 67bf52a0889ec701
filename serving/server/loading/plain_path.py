"""A path in which TensorFlow sees no pattern of names.

A restored variable's file is looked for with a glob: below a folder `a[1]` nothing is
found. TensorFlow Serving has that fault, too.
"""

import contextlib
import os
import re
from collections.abc import Iterator

from serving.version_dirs import has_scheme

_PATTERN = re.compile(r"[*?\[\\]")


@contextlib.contextmanager
def plain_path(path: str) -> Iterator[str]:
    """Gives the path, or the kernel's other name of it, valid inside the block.

    Raises:
        OSError: there is no such folder.
    """
    if has_scheme(path) or not _PATTERN.search(path):
        yield path
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}"
    finally:
        os.close(folder)
