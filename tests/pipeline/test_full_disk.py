"""A full disk is recognised below the errors of all libraries, and nothing else is."""

import errno
import os

import pytest

from pipeline.full_disk import why_full


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_fills_up_is_recognised_below_other_errors(number: int) -> None:
    failed = RuntimeError("Trainer failed")
    failed.__cause__ = ValueError("in between")
    failed.__cause__.__context__ = OSError(number, "what the system says")
    assert why_full(failed) == os.strerror(number)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("events.out; No space left on device", "No space left on device"),
        ("[('a', 'b', '[Errno 28] No space left on device')]", "No space left"),
        ("(sqlite3) database or disk is full", "database or disk is full"),
        ("RESOURCE_EXHAUSTED: Disk quota exceeded [while running 'W']", "Disk quota"),
    ],
)
def test_a_full_disk_is_recognised_in_the_errors_of_libraries(
    told: str, reason: str
) -> None:
    failed = RuntimeError("Trainer failed")
    failed.__cause__ = Exception(told)
    assert (why_full(failed) or "").startswith(reason)


@pytest.mark.parametrize(
    "error",
    [
        None,
        RuntimeError("something else"),
        OSError(errno.EACCES, "denied"),
        RuntimeError("ResourceExhaustedError: OOM when allocating a tensor"),
    ],
)
def test_other_errors_are_no_full_disk(error: BaseException | None) -> None:
    assert why_full(error) is None
