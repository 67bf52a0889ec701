"""Precision and compilation are chosen for the devices that are there."""

import pytest

from model.config import TrainingConfig
from model.training.devices import DevicePlan, choose

A100, V100 = (8, 0), (7, 0)


@pytest.mark.parametrize(
    ("capabilities", "replicas", "dtype", "jit_compile"),
    [
        ([], 1, "float32", False),
        ([], 2, "float32", False),
        ([A100], 1, "mixed_bfloat16", True),
        ([V100], 1, "mixed_float16", True),
        ([A100, A100], 2, "mixed_bfloat16", True),
        ([A100, V100], 2, "mixed_float16", True),
    ],
)
def test_automatic_choice_suits_the_devices(
    capabilities: list[tuple[int, int]], replicas: int, dtype: str, jit_compile: bool
) -> None:
    plan = choose(TrainingConfig(), capabilities, replicas, 100)
    assert plan == DevicePlan(
        dtype=dtype, jit_compile=jit_compile, num_replicas=replicas
    )


@pytest.mark.parametrize("replicas", [1, 2])
def test_with_several_replicas_xla_gets_no_optimizer(replicas: int) -> None:
    plan = choose(TrainingConfig(jit_compile=True), [], replicas, 100)
    assert plan.jit_step is (replicas == 1)
    assert plan.jit_gradients is (replicas > 1)


def test_settings_overrule_the_automatic_choice() -> None:
    config = TrainingConfig(jit_compile=False, mixed_precision=False)
    plan = choose(config, [A100], 1, 5000)
    assert plan == DevicePlan(dtype="float32", jit_compile=False)


@pytest.mark.parametrize(("steps", "jit_compile"), [(1999, False), (2000, True)])
def test_a_cpu_compiles_for_a_long_training(steps: int, jit_compile: bool) -> None:
    assert choose(TrainingConfig(), [], 1, steps).jit_compile is jit_compile
