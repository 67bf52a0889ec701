"""Whether a disk without room lies below an error, whoever raised it."""

import errno

_FULL_DISK = {
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
    errno.EFBIG: "File too large",  # The shell's own limit: ulimit -f.
}
"""Error number -> what C says; libraries pass on the one or the other."""
_FULL_DATABASE = "database or disk is full"


def why_full(error: BaseException | None) -> str | None:
    """Says in the system's words that a disk without room lies below an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL_DISK:
            return _FULL_DISK[error.errno]
        # TensorFlow, Beam, SQLite and child processes have errors of their own.
        for words in (*_FULL_DISK.values(), _FULL_DATABASE):
            if words in str(error):
                return words
        error = error.__cause__ or error.__context__
    return None
