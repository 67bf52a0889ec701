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
        ([A100, A100], 2, "mixed_bfloat16", False),
        ([A100, V100], 2, "mixed_float16", False),
    ],
)
def test_automatic_choice_suits_the_devices(
    capabilities: list[tuple[int, int]], replicas: int, dtype: str, jit_compile: bool
) -> None:
    plan = choose(TrainingConfig(), capabilities, replicas)
    assert plan == DevicePlan(dtype=dtype, jit_compile=jit_compile)


def test_settings_overrule_the_automatic_choice() -> None:
    config = TrainingConfig(jit_compile=False, mixed_precision=False)
    plan = choose(config, [A100], 1)
    assert plan == DevicePlan(dtype="float32", jit_compile=False)


def test_xla_with_two_replicas_is_refused() -> None:
    with pytest.raises(ValueError, match="jit_compile is true with 2 replicas"):
        choose(TrainingConfig(jit_compile=True), [], 2)
