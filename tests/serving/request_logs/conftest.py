"""A log as the server writes it."""

import pathlib

import pytest

from tests.support.serving.server.observed import (
    entry,
    finished,
    log_numbers,
    logger_of,
)


@pytest.fixture
def log_file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Two equal requests with their answers and a third, in one finished file."""
    logger = logger_of(entry(tmp_path / "requests"))
    log_numbers(logger, 5, 5, 6)
    logger.close(5)
    return finished(tmp_path)[0]
