"""A version appears whole or not at all."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components import versioned_pusher
from components.artifacts import bless


def _model(folder: Path) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph")
    (folder / "variables" / "data").write_text("weights")
    return folder


def test_a_version_has_every_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    base = tmp_path / "serving_model"
    path = versioned_pusher.push(str(_model(tmp_path / "m")), str(base), 17)
    assert path == str(base / "17")
    assert (base / "17" / "variables" / "data").read_text() == "weights"
    assert [entry.name for entry in base.iterdir()] == ["17"]


def test_a_failed_copy_leaves_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "serving_model"

    def fail_half_way(source: str, target: str) -> None:
        Path(target).mkdir(parents=True)
        (Path(target) / "saved_model.pb").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(io_utils, "copy_dir", fail_half_way)
    with pytest.raises(OSError, match="No space"):
        versioned_pusher.push(str(_model(tmp_path / "m")), str(base), 17)
    assert list(base.iterdir()) == []


def test_a_version_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    base = tmp_path / "serving_model"
    versioned_pusher.push(str(_model(tmp_path / "m")), str(base), 17)
    other = _model(tmp_path / "other")
    (other / "saved_model.pb").write_text("another graph")
    versioned_pusher.push(str(other), str(base), 17)
    assert (base / "17" / "saved_model.pb").read_text() == "graph"


def test_what_an_interrupted_push_left_is_replaced(tmp_path: Path) -> None:
    base = tmp_path / "serving_model"
    stale = base / ".staging-17"
    stale.mkdir(parents=True)
    (stale / "stale").write_text("x")
    versioned_pusher.push(str(_model(tmp_path / "m")), str(base), 17)
    assert not (base / "17" / "stale").exists()


def test_both_pushers_of_one_blessing_get_the_same_version() -> None:
    blessing = standard_artifacts.ModelBlessing()
    blessing.mlmd_artifact.create_time_since_epoch = 1_700_000_000_123
    inputs = {"model_blessing": [blessing]}
    assert versioned_pusher.version_of(inputs) == 1_700_000_000
    assert versioned_pusher.version_of(inputs) == versioned_pusher.version_of(inputs)


def test_without_a_recorded_blessing_the_version_is_the_time() -> None:
    before = int(time.time())
    assert before <= versioned_pusher.version_of({}) <= time.time()
    blessing = standard_artifacts.ModelBlessing()
    assert versioned_pusher.version_of({"model_blessing": [blessing]}) >= before


def _pushed(folder: Path, *, model_ok: int, server_ok: int) -> Any:
    """The `PushedModel` of one push with these two blessings."""
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", model_ok)
    blessing.mlmd_artifact.create_time_since_epoch = 1_700_000_000_123
    infra = standard_artifacts.InfraBlessing()
    infra.uri = str(folder / "infra")
    bless(infra, bool(server_ok))
    model = standard_artifacts.Model()
    model.uri = str(folder / "trained")
    _model(folder / "trained" / "Format-Serving")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(folder / "pushed")
    destination = {"filesystem": {"base_directory": str(folder / "serving_model")}}
    versioned_pusher.Executor().Do(
        {"model": [model], "model_blessing": [blessing], "infra_blessing": [infra]},
        {"pushed_model": [pushed]},
        {"push_destination": json.dumps(destination)},
    )
    return pushed


def test_a_blessed_model_goes_to_its_version_and_says_where(tmp_path: Path) -> None:
    pushed = _pushed(tmp_path, model_ok=1, server_ok=1)
    target = tmp_path / "serving_model" / "1700000000"
    assert versioned_pusher.read_destination(pushed) == target
    assert pushed.get_string_custom_property("pushed_version") == "1700000000"
    assert (target / "saved_model.pb").read_text() == "graph"
    assert (target / "variables" / "data").read_text() == "weights"


@pytest.mark.parametrize(("model_ok", "server_ok"), [(0, 1), (1, 0), (0, 0)])
def test_an_unblessed_model_is_never_pushed(
    tmp_path: Path, model_ok: int, server_ok: int
) -> None:
    pushed = _pushed(tmp_path, model_ok=model_ok, server_ok=server_ok)
    assert pushed.get_int_custom_property("pushed") == 0
    assert versioned_pusher.read_destination(pushed) is None
    assert not (tmp_path / "serving_model").exists()
