"""Servers and models for all tests of this folder."""

from tests.support.serving.fixtures import (
    anyio_backend,
    fake_server,
    half_plus_two,
    number_model,
    plain,
)
from tests.support.serving.programs import path_dir

__all__ = [
    "anyio_backend",
    "fake_server",
    "half_plus_two",
    "number_model",
    "path_dir",
    "plain",
]
