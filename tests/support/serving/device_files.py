"""One small device model for all tests that ask one."""

import pathlib

import pytest

from model import contract
from tests.support import device_model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A float32 model with its parts packed in; do not change it."""
    path = tmp_path_factory.mktemp("edge") / contract.FLOAT32_TFLITE
    path.write_bytes(device_model.packed())
    return path
