"""A checkpoint holds what was trained, whole, and says what it belongs to."""

import types
from pathlib import Path

import keras
import numpy as np
import pytest

from model.training import callbacks, checkpoint
from model.training.callbacks import Resume


def model_with_frozen_part(frozen_units: int = 64) -> keras.Model:
    frozen = keras.layers.Dense(frozen_units, name="frozen")
    inputs = keras.Input((4,))
    head = keras.layers.Dense(2, name="head")
    model = keras.Model(inputs, head(keras.layers.Dropout(0.1)(frozen(inputs))))
    for variable in frozen.variables:
        variable.trainable = False
    model.compile(optimizer="adam", loss="mse")
    return model


def test_frozen_variables_are_not_kept():
    model = model_with_frozen_part()
    names = sorted(
        variable.path.split("/")[0] for variable in checkpoint.changing(model)
    )
    assert names[:2] == ["head", "head"]
    assert [name.startswith("seed_generator") for name in names[2:]] == [True]


def test_what_is_saved_comes_back_with_its_facts(tmp_path: Path):
    model = model_with_frozen_part()
    path = str(tmp_path / "new" / "kept.npz")
    checkpoint.save(path, checkpoint.changing(model), {"best": 0.5})
    kept = checkpoint.load(path)
    assert kept.facts == {"best": 0.5}
    twin = model_with_frozen_part()
    checkpoint.assign(checkpoint.changing(twin), kept.values)
    for ours, theirs in zip(
        checkpoint.changing(model), checkpoint.changing(twin), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["kept.npz"]


def test_a_file_that_is_not_there_is_none(tmp_path: Path):
    assert checkpoint.load(str(tmp_path / "kept.npz")) is None


@pytest.mark.parametrize("kept_bytes", [0, 100, -20])
def test_a_file_that_was_cut_is_told_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kept_bytes: int
):
    path = tmp_path / "kept.npz"
    checkpoint.save(str(path), model_with_frozen_part().trainable_variables, {})
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert checkpoint.load(str(path)) is None
    assert f"{path} is damaged" in caplog.text


def test_seconds_of_earlier_attempts_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = [100.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(callbacks, "time", clock)
    for expected in (0.0, 7.0, 14.0):
        model = model_with_frozen_part()
        resume = Resume(str(tmp_path))
        done = resume.restore(model)
        assert resume.earlier_s == expected
        now[0] += 7
        data = np.ones((8, 4)), np.ones((8, 2))
        model.fit(
            *data, initial_epoch=done, epochs=done + 1, verbose=0, callbacks=[resume]
        )


def test_resuming_restores_the_optimizer_and_counts_epochs(tmp_path: Path):
    model = model_with_frozen_part()
    data = np.ones((8, 4)), np.ones((8, 2))
    resume = Resume(str(tmp_path))
    model.fit(*data, epochs=2, verbose=0, callbacks=[resume])
    twin = model_with_frozen_part()
    later = Resume(str(tmp_path))
    assert later.restore(twin) == 2
    assert later.rows == resume.rows
    assert int(twin.optimizer.iterations) == 2
    for ours, theirs in zip(
        model.optimizer.variables, twin.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_the_frozen_part_costs_a_checkpoint_nothing(tmp_path: Path):
    sizes = []
    for units in (8, 8192):
        model = model_with_frozen_part(units)
        for variable in model.get_layer("head").variables[:1]:
            variable.trainable = False
        folder = tmp_path / str(units)
        resume = Resume(str(folder))
        model.fit(
            np.ones((8, 4)), np.ones((8, 2)), verbose=0, callbacks=[resume], epochs=1
        )
        sizes.append((folder / "resume.npz").stat().st_size)
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_other_pretrained_weights_are_refused(tmp_path: Path):
    model = model_with_frozen_part()
    data = np.ones((8, 4)), np.ones((8, 2))
    resume = Resume(str(tmp_path), digest="aa11")
    model.fit(*data, verbose=0, callbacks=[resume])
    with pytest.raises(ValueError, match="aa11; given are bb22"):
        Resume(str(tmp_path), digest="bb22").restore(model_with_frozen_part())
