"""Chooses precision and compilation for the devices that are there."""

import dataclasses

import tensorflow as tf

from model.config import TrainingConfig

_BFLOAT16_CAPABILITY = (8, 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DevicePlan:
    """`dtype` is a Keras dtype policy: `float32`, `mixed_bfloat16`, `mixed_float16`."""

    dtype: str
    jit_compile: bool


def device_plan(strategy: tf.distribute.Strategy, config: TrainingConfig) -> DevicePlan:
    """Asks `choose` about the GPUs of this machine."""
    return choose(config, _gpu_capabilities(), strategy.num_replicas_in_sync)


def choose(
    config: TrainingConfig, capabilities: list[tuple[int, int]], num_replicas: int
) -> DevicePlan:
    """Takes what the settings ask for or, where they are None, what suits the devices.

    One GPU: XLA and mixed precision. Several: mixed precision without XLA, which
    cannot read another device's variables. CPU: neither; XLA is slower there than
    TensorFlow's oneDNN kernels.

    Args:
        config: its `jit_compile` and `mixed_precision` are asked.
        capabilities: CUDA compute capability of every GPU; empty on a CPU.
        num_replicas: copies of the model that train together.

    Raises:
        ValueError: XLA is asked for with more than one replica.
    """
    if config.jit_compile and num_replicas > 1:
        raise ValueError(
            f"jit_compile is true with {num_replicas} replicas; XLA cannot read "
            "another device's variables. Leave it at none, or train on one device."
        )
    alone_on_gpu = bool(capabilities) and num_replicas == 1
    return DevicePlan(
        dtype=_dtype(config.mixed_precision, capabilities),
        jit_compile=_choice(config.jit_compile, alone_on_gpu),
    )


def _dtype(wanted: bool | None, capabilities: list[tuple[int, int]]) -> str:
    if not _choice(wanted, bool(capabilities)):
        return "float32"
    if capabilities and min(capabilities) < _BFLOAT16_CAPABILITY:
        return "mixed_float16"
    return "mixed_bfloat16"


def _choice(wanted: bool | None, automatic: bool) -> bool:
    return automatic if wanted is None else wanted


def _gpu_capabilities() -> list[tuple[int, int]]:
    gpus = tf.config.list_physical_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return [detail.get("compute_capability", (0, 0)) for detail in details]
