"""Chooses precision and compilation for the devices that are there."""

import dataclasses

import tensorflow as tf

from model.config import TrainingConfig

_BFLOAT16_CAPABILITY = (8, 0)
_LONG_STEPS = 2000
"""On a CPU XLA takes some 15 s for the seven lengths up to 64 tokens, and saves 14 ms a
step of preset `small`: 1,100 steps pay for it, and training may stop early."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DevicePlan:
    """How to compute.

    Attributes:
        dtype: a Keras dtype policy: `float32`, `mixed_bfloat16`, `mixed_float16`.
        jit_compile: whether XLA compiles.
        num_replicas: copies of the model that train together.
    """

    dtype: str
    jit_compile: bool
    num_replicas: int = 1

    @property
    def jit_step(self) -> bool:
        """Whether a step is one program, with its optimizer: of one replica it can."""
        return self.jit_compile and self.num_replicas == 1

    @property
    def jit_gradients(self) -> bool:
        """Whether every replica has a program for loss and gradients."""
        return self.jit_compile and self.num_replicas > 1


def strategy() -> tf.distribute.Strategy:
    """A MirroredStrategy over several GPUs; for one device TensorFlow's default."""
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def device_plan(
    strategy: tf.distribute.Strategy, config: TrainingConfig, total_steps: int
) -> DevicePlan:
    """Asks `choose` about the GPUs of this machine."""
    replicas = strategy.num_replicas_in_sync
    return choose(config, _gpu_capabilities(), replicas, total_steps)


def choose(
    config: TrainingConfig,
    capabilities: list[tuple[int, int]],
    num_replicas: int,
    total_steps: int,
) -> DevicePlan:
    """Takes what the settings ask for or, where they are None, what suits the devices.

    GPUs: XLA and mixed precision. CPU: XLA for a long training alone, because it
    compiles for some seconds per length of text; then a step takes a fifth to two
    fifths less.

    Args:
        config: its `jit_compile` and `mixed_precision` are asked.
        capabilities: CUDA compute capability of every GPU; empty on a CPU.
        num_replicas: copies of the model that train together.
        total_steps: how long training lasts at most.
    """
    automatic = bool(capabilities) or total_steps >= _LONG_STEPS
    return DevicePlan(
        dtype=_dtype(config.mixed_precision, capabilities),
        jit_compile=_choice(config.jit_compile, automatic),
        num_replicas=num_replicas,
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
