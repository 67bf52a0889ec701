"""Temperature scaling: the right number, and never an absurd one."""

from pathlib import Path

import keras
import numpy as np
import pytest

from model.export import tflite
from model.training import calibration
from model.training.reliability import ScoreQuality, softmax
from tests.support import device_model


def drawn(rows: int, *, factor: float, num_classes: int = 8, seed: int = 0) -> tuple:
    """Logits `[N, C]`, and classes drawn from what `logits * factor` says."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (rows, num_classes)).astype(np.float32)
    scores = softmax(logits * factor)
    ids = np.array([random.choice(num_classes, p=row) for row in scores])
    return logits, ids


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
def test_the_temperature_is_what_the_classes_were_drawn_at(factor: float) -> None:
    found = calibration.fit(*drawn(4000, factor=factor))
    assert found.temperature == pytest.approx(1 / factor, rel=0.08)
    assert found.after.calibration_error < 0.03
    assert found.after.log_loss <= found.before.log_loss
    assert found.rows == 4000


def test_more_classes_than_are_ever_right_change_nothing() -> None:
    logits, ids = drawn(4000, factor=2.0)
    rare = np.full((4000, 500), -30, np.float32)
    wide = calibration.fit_temperature(np.concatenate([logits, rare], axis=1), ids)
    assert wide == pytest.approx(0.5, rel=0.15)


def clear(rows: int, margin: float = 5.0) -> tuple:
    """Logits that are right in every row, by `margin`."""
    ids = np.arange(rows) % 3
    return margin * np.eye(3, dtype=np.float32)[ids], ids


def test_rows_that_are_all_right_do_not_make_a_model_quite_sure() -> None:
    logits, ids = clear(1000)
    temperature = calibration.fit_temperature(logits, ids)
    assert 0.3 < temperature < 1
    # Of 1,000 texts, all right, the next may still be wrong.
    assert softmax(logits / temperature).max(axis=1).max() < 1 - 0.5 / 1002


@pytest.mark.parametrize(("rows", "margin"), [(1, 5.0), (3, 5.0), (1, -5.0), (3, -5.0)])
def test_a_few_rows_change_little(rows: int, margin: float) -> None:
    assert 0.3 < calibration.fit_temperature(*clear(rows, margin)) < 6


@pytest.mark.parametrize(
    "logits",
    [np.zeros((0, 3)), np.full((9, 3), np.nan), np.full((9, 3), np.inf)],
    ids=["no rows", "not a number", "endless"],
)
def test_logits_that_say_nothing_are_left_alone(logits: np.ndarray) -> None:
    ids = np.zeros(len(logits), np.int64)
    with np.errstate(invalid="ignore"):
        assert calibration.fit_temperature(logits.astype(np.float32), ids) == 1.0


def test_a_model_that_is_always_wrong_stays_within_bounds() -> None:
    logits, ids = clear(500, -50.0)
    assert calibration.fit_temperature(logits, ids) <= 20


def test_a_calibrated_device_file_needs_no_more_operations() -> None:
    plain = device_model.classifier()
    calibrated = calibration.at_temperature(plain, 0.4)
    files = [
        tflite.convert(model, lengths=(8,), quantize=True)
        for model in (plain, calibrated)
    ]
    assert len({str(tflite.operations(file)) for file in files}) == 1
    assert abs(len(files[0]) - len(files[1])) < 200  # It is in the head's weights.


def test_the_saved_model_is_calibrated_and_gives_the_same_labels(
    tmp_path: Path,
) -> None:
    plain, ids = device_model.classifier(), device_model.token_ids()
    calibration.at_temperature(plain, 0.4).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    before, after = (model(ids, training=False).numpy() for model in (plain, loaded))
    np.testing.assert_allclose(after, before / 0.4, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    assert loaded.name == plain.name


def test_the_quality_is_nothing_without_rows() -> None:
    quality = ScoreQuality.of(np.zeros((0, 3)), np.zeros(0, np.int64))
    assert np.isnan([quality.calibration_error, quality.log_loss]).all()
