"""What every test can ask for, and the quiet in which they run."""

import os

import pytest

from tests.support.golden import Golden

# Before anything imports TensorFlow or gRPC: errors only, and one backend for Keras.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")

# Fails a run that leaves something behind.
pytest_plugins = ["tests.support.session.leftovers"]

UPDATE_GOLDENS = "--update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--update-goldens`."""
    parser.addoption(
        UPDATE_GOLDENS,
        action="store_true",
        help="rewrite the golden files instead of comparing with them",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """With `--update-goldens`, keeps only the tests that have golden files."""
    if not config.getoption(UPDATE_GOLDENS):
        return
    kept = [item for item in items if "golden" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Golden files of the asking test's folder: `golden.check("name.json", value)`."""
    return Golden(
        directory=request.path.parent / "goldens",
        update=request.config.getoption(UPDATE_GOLDENS),
        command=f"python -m pytest '{request.node.nodeid}' {UPDATE_GOLDENS}",
    )
