"""Precision and compilation are chosen for the devices that are there."""

from pathlib import Path
from typing import Any

import pytest

from model.config import TrainingConfig
from model.training.hardware import devices
from model.training.hardware.devices import DevicePlan, Hardware, choose

A100, V100 = (8, 0), (7, 0)
FLOAT32, BFLOAT16, FLOAT16 = "float32", "mixed_bfloat16", "mixed_float16"
TILES = Hardware(has_bfloat16_tiles=True)


def plan(
    hardware: Hardware, steps: int = 100, width: int = 128, **settings: Any
) -> DevicePlan:
    return choose(
        TrainingConfig(**settings), hardware, hidden_dim=width, total_steps=steps
    )


@pytest.mark.parametrize(
    ("capabilities", "replicas", "dtype", "jit_compile"),
    [
        ([], 1, FLOAT32, False),
        ([], 2, FLOAT32, False),
        ([A100], 1, BFLOAT16, True),
        ([V100], 1, FLOAT16, True),
        ([A100, A100], 2, BFLOAT16, True),
        ([A100, V100], 2, FLOAT16, True),
    ],
)
def test_automatic_choice_suits_the_devices(
    capabilities: list[tuple[int, int]], replicas: int, dtype: str, jit_compile: bool
) -> None:
    hardware = Hardware(gpu_capabilities=capabilities, num_replicas=replicas)
    expected = DevicePlan(dtype=dtype, jit_compile=jit_compile, num_replicas=replicas)
    assert plan(hardware) == expected


@pytest.mark.parametrize("replicas", [1, 2])
def test_with_several_replicas_xla_gets_no_optimizer(replicas: int) -> None:
    found = plan(Hardware(num_replicas=replicas), jit_compile=True)
    assert found.jit_step is (replicas == 1)
    assert found.jit_gradients is (replicas > 1)


def test_settings_overrule_the_automatic_choice() -> None:
    hardware = Hardware(gpu_capabilities=[A100])
    found = plan(hardware, 5000, jit_compile=False, mixed_precision=False)
    assert found == DevicePlan(dtype=FLOAT32, jit_compile=False)
    found = plan(TILES, width=512, jit_compile=True, mixed_precision=False)
    assert found == DevicePlan(dtype=FLOAT32, jit_compile=True)


@pytest.mark.parametrize(
    ("hardware", "steps", "width", "dtype", "jit_compile"),
    [
        (Hardware(), 1999, 512, FLOAT32, False),
        (Hardware(), 2000, 512, FLOAT32, True),
        (TILES, 2000, 255, FLOAT32, True),
        # Both together are slower than either.
        (TILES, 2000, 256, BFLOAT16, False),
        (TILES, 1999, 256, BFLOAT16, False),
    ],
)
def test_a_cpu_computes_in_bfloat16_where_that_is_fast_and_compiles_a_long_training(
    hardware: Hardware, steps: int, width: int, dtype: str, jit_compile: bool
) -> None:
    expected = DevicePlan(dtype=dtype, jit_compile=jit_compile)
    assert plan(hardware, steps, width) == expected


@pytest.mark.parametrize(
    ("text", "has_tiles"),
    [
        ("processor : 0\nflags\t\t: fpu amx_bf16 amx_int8\n", True),
        ("processor : 0\nflags\t\t: fpu avx512_bf16 amx_tile\n", False),
        ("processor : 0\nFeatures : fp asimd\n", False),
        (None, False),
    ],
)
def test_the_system_says_what_its_cpu_can_do(
    text: str | None, has_tiles: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(devices, "_CPU_INFO", str(path))
    found = Hardware.of(devices.strategy())
    assert found == Hardware(
        gpu_capabilities=[], has_bfloat16_tiles=has_tiles, num_replicas=1
    )
