"""The learning rate rises, falls as the settings say, and survives saving."""

import keras
import numpy as np
import pytest

from model.config import Schedule, TrainingConfig
from model.training.schedule import Warmup, build_schedule

UPDATES = 100


def schedule_of(kind: Schedule = Schedule.COSINE, **settings: float) -> Warmup:
    settings = {"learning_rate": 1e-3, "warmup_fraction": 0.1, **settings}
    return build_schedule(TrainingConfig(schedule=kind, **settings), UPDATES)


def rates(schedule: Warmup, steps: int = UPDATES + 1) -> np.ndarray:
    return np.asarray(schedule(np.arange(steps)))


def test_rate_rises_to_the_peak_and_falls_to_zero() -> None:
    curve = rates(schedule_of())
    assert curve[0] == pytest.approx(1e-4)
    assert curve.argmax() in (9, 10)
    assert curve.max() == pytest.approx(1e-3)
    assert (np.diff(curve[:10]) > 0).all()
    assert (np.diff(curve[10:]) < 0).all()
    assert curve[55] == pytest.approx(5e-4)
    assert curve[100] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", [k for k in Schedule if k != "piecewise_constant"])
def test_rate_stays_zero_after_the_end(kind: Schedule) -> None:
    assert float(schedule_of(kind)(250)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", Schedule)
def test_every_schedule_rises_first(kind: Schedule) -> None:
    curve = rates(schedule_of(kind))
    np.testing.assert_allclose(curve[:10], np.arange(1, 11) * 1e-4, rtol=1e-5)
    assert curve[10] == pytest.approx(1e-3)


@pytest.mark.parametrize("kind", Schedule)
def test_without_warm_up_the_first_step_has_the_peak(kind: Schedule) -> None:
    schedule = schedule_of(kind, warmup_fraction=0.0)
    assert float(schedule(0)) == pytest.approx(1e-3)


def test_linear_falls_by_the_same_every_step() -> None:
    falling = rates(schedule_of(Schedule.LINEAR, warmup_fraction=0.0))
    np.testing.assert_allclose(falling, np.linspace(1e-3, 0, 101), atol=1e-9)


def test_polynomial_has_the_power_that_was_set() -> None:
    curve = rates(schedule_of(Schedule.POLYNOMIAL, warmup_fraction=0.0, decay_power=3))
    np.testing.assert_allclose(curve, 1e-3 * np.linspace(1, 0, 101) ** 3, atol=1e-9)


def test_piecewise_constant_has_phases_of_one_length() -> None:
    curve = rates(
        schedule_of(
            Schedule.PIECEWISE_CONSTANT,
            warmup_fraction=0.0,
            constant_phases=4,
            phase_factor=0.5,
        ),
        UPDATES,
    )
    values, counts = np.unique(curve, return_counts=True)
    np.testing.assert_allclose(values, [1.25e-4, 2.5e-4, 5e-4, 1e-3], rtol=1e-6)
    assert counts.tolist() == [25, 25, 25, 25]


def test_warm_up_of_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup_steps is -1"):
        Warmup(1e-3, -1, keras.optimizers.schedules.CosineDecay(1e-3, 10))


@pytest.mark.parametrize("kind", Schedule)
def test_schedule_survives_saving(kind: Schedule) -> None:
    schedule = schedule_of(kind)
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert np.array_equal(rates(twin), rates(schedule))
