"""Servers and models that many tests only ask, imported by `conftest.py`."""

import pathlib
from collections.abc import Iterator

import pytest

from serving.server.flags import ServerFlags
from serving.server.loading.loader import SavedModelLoader
from serving.server.loading.saved_model import SavedModelServable
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from tests.support.serving.fakes import FakeServer
from tests.support.serving.server.model_world import wait_settled


@pytest.fixture
def anyio_backend() -> str:
    """Coroutines that are tests run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(scope="session")
def fake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    """A running server with a fake model; do not change its files."""
    with FakeServer(tmp_path_factory.mktemp("fake_model")) as server:
        yield server


@pytest.fixture(scope="session")
def number_model(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A real SavedModel, version 1. The first use imports TensorFlow."""
    from tests.support.serving.saved_models import save_number_model

    path = tmp_path_factory.mktemp("numbers") / "1"
    save_number_model(path)
    return path


@pytest.fixture(scope="session")
def half_plus_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    """A running server with TF Serving's example model and the number model, real."""
    from tests.support.serving.half_plus_two import serve_half_plus_two

    with serve_half_plus_two(tmp_path_factory.mktemp("half_plus_two")) as server:
        # Ready is a server with one version of each model; tests ask for others, too.
        assert wait_settled(server.app.manager, 60)
        yield server


@pytest.fixture(scope="session")
def plain(number_model: pathlib.Path) -> Iterator[SavedModelServable]:
    """The number model, loaded without batching."""
    entry = ModelEntry(name="m", base_path=str(number_model.parent))
    version = ServedVersion("m", 1, str(number_model))
    loaded = SavedModelLoader(ServerFlags())(entry, version)
    yield loaded
    loaded.close()
