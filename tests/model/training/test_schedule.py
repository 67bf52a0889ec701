"""The learning rate rises, falls, and survives saving."""

import keras
import numpy as np
import pytest

from model.training.schedule import WarmupCosine


def rates(schedule: WarmupCosine, steps: int) -> np.ndarray:
    return np.array([float(schedule(step)) for step in range(steps)])


def test_rate_rises_to_the_peak_and_falls_to_zero() -> None:
    curve = rates(WarmupCosine(1e-3, warmup_steps=10, total_steps=100), 101)
    assert curve[0] == pytest.approx(1e-4)
    assert curve.argmax() in (9, 10)
    assert curve.max() == pytest.approx(1e-3)
    assert (np.diff(curve[:10]) > 0).all()
    assert (np.diff(curve[10:]) < 0).all()
    assert curve[55] == pytest.approx(5e-4)
    assert curve[100] == pytest.approx(0, abs=1e-9)


def test_rate_stays_zero_after_the_end() -> None:
    schedule = WarmupCosine(1e-3, warmup_steps=0, total_steps=10)
    assert float(schedule(25)) == pytest.approx(0, abs=1e-9)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    schedule = WarmupCosine(1e-3, warmup_steps=0, total_steps=10)
    assert float(schedule(0)) == pytest.approx(1e-3)


def test_warm_up_as_long_as_training_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup_steps is 10 and total_steps is 10"):
        WarmupCosine(1e-3, warmup_steps=10, total_steps=10)


def test_schedule_survives_saving() -> None:
    schedule = WarmupCosine(1e-3, warmup_steps=10, total_steps=100)
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert np.array_equal(rates(twin, 100), rates(schedule, 100))
