"""Data that lies in an object store, as files on this machine."""

from pathlib import Path, PurePosixPath

from pipeline.errors import DataError

_EXAMPLES = "/data/reviews.csv, gs://bucket/reviews.csv or s3://bucket/reviews.csv"


def fetched(place: str, folder: Path) -> Path:
    """Copies what is at a URI into `folder`; a path is itself.

    `s3://bucket/key?endpoint_override=HOST:PORT&scheme=http` is for a store that is
    not Amazon's; keys are taken from the environment, as every S3 client does.

    Args:
        place: a path, or a URI of Google Cloud Storage, S3 or `file:`.
        folder: is made where it is missing.

    Raises:
        DataError: nothing is there, or it cannot be read.
    """
    if not place:
        raise DataError(
            f"The data is not named; allowed: a path or a URI, {_EXAMPLES}."
        )
    if "://" not in place:
        return Path(place)
    import pyarrow
    from pyarrow import fs

    try:
        source, path = fs.FileSystem.from_uri(place)
        found = source.get_file_info(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(_told(place, error)) from error
    if found.type == fs.FileType.NotFound:
        raise DataError(
            f"{place} does not exist. Give a file or a folder, {_EXAMPLES}."
        )
    target = folder / PurePosixPath(path.rstrip("/")).name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        fs.copy_files(path, str(target), source, fs.LocalFileSystem())
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(_told(place, error)) from error
    return target


def _told(place: str, error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"{place} cannot be read: {reason}. Allowed: a path or a URI, {_EXAMPLES}."
