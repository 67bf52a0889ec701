"""Which batching a loaded version gets, first and when the settings change."""

import pathlib
import types
from typing import Any

import pytest

from serving.server.batching.config import BatchingConfig
from serving.server.flags import ServerFlags
from serving.server.loading.loader import PER_MODEL_BATCHING_FILE, SavedModelLoader
from serving.server.status import StatusError, invalid_argument


class Batched:
    """Takes every setting but for one size."""

    def __init__(self, refuses: int = -1) -> None:
        self.batching: BatchingConfig | None = None
        self._refuses = refuses

    def set_batching(self, config: BatchingConfig | None) -> None:
        if config is not None and config.max_batch_size == self._refuses:
            raise invalid_argument("not this size")
        self.batching = config


def version(path: pathlib.Path, servable: Batched) -> Any:
    path.mkdir()
    return types.SimpleNamespace(path=str(path), servable=servable)


def size(rows: int) -> str:
    return f"max_batch_size {{ value: {rows} }}"


def loader_of(file: pathlib.Path, **flags: Any) -> SavedModelLoader:
    file.write_text(size(8))
    settings = {"enable_batching": True, "batching_parameters_file": str(file)}
    return SavedModelLoader(ServerFlags(**{**settings, **flags}))


def test_new_settings_reach_all_versions_but_one_that_refuses_them(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "batching.config"
    loader = loader_of(file)
    stubborn, willing = Batched(refuses=16), Batched()
    versions = [version(tmp_path / "1", stubborn), version(tmp_path / "2", willing)]
    loader.refresh(versions)
    assert willing.batching is None, "nothing has changed"
    file.write_text(size(16))
    loader.refresh(versions)
    assert willing.batching is not None
    assert willing.batching.max_batch_size == 16
    assert stubborn.batching is None
    assert f"{tmp_path / '1'} keeps its batching: INVALID_ARGUMENT" in caplog.text


def test_a_file_without_sense_changes_nothing(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "batching.config"
    loader = loader_of(file)
    file.write_text("max_batch_size { value: many }")
    with pytest.raises(StatusError):
        loader.refresh([version(tmp_path / "1", Batched())])
    found = loader.batching_for(str(tmp_path))
    assert found is not None
    assert found.max_batch_size == 8


def test_where_each_model_has_settings_one_without_is_not_batched(
    tmp_path: pathlib.Path,
) -> None:
    file = tmp_path / "batching.config"
    loader = loader_of(file, enable_per_model_batching_parameters=True)
    assert loader.batching_for(str(tmp_path)) is None
    (tmp_path / PER_MODEL_BATCHING_FILE).write_text(size(4))
    found = loader.batching_for(str(tmp_path))
    assert found is not None
    assert found.max_batch_size == 4
