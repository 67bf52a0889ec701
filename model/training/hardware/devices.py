"""Chooses precision and compilation for the devices that are there."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from model.config import TrainingConfig

_BFLOAT16_CAPABILITY = (8, 0)
_LONG_STEPS = 2000
"""On a CPU XLA takes some 15 s for the seven lengths up to 64 tokens, and saves 14 ms a
step of preset `small`: 1,100 steps pay for it, and training may stop early."""
_WIDE = 256
"""From this `hidden_dim` on a CPU's bfloat16 products save more than the casts cost."""
_CPU_INFO = "/proc/cpuinfo"
_BFLOAT16_TILES = "amx_bf16"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hardware:
    """What there is to train on.

    Attributes:
        gpu_capabilities: CUDA compute capability of every GPU; none on a CPU.
        has_bfloat16_tiles: whether the CPU multiplies matrices of bfloat16 (AMX).
        num_replicas: copies of the model that train together.
    """

    gpu_capabilities: Sequence[tuple[int, int]] = ()
    has_bfloat16_tiles: bool = False
    num_replicas: int = 1

    @classmethod
    def of(cls, strategy: tf.distribute.Strategy) -> "Hardware":
        """Asks this machine."""
        gpus = tf.config.list_physical_devices("GPU")
        details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
        capabilities = [each.get("compute_capability", (0, 0)) for each in details]
        return cls(
            gpu_capabilities=capabilities,
            has_bfloat16_tiles=_BFLOAT16_TILES in _cpu_flags(),
            num_replicas=strategy.num_replicas_in_sync,
        )


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


def choose(
    config: TrainingConfig, hardware: Hardware, *, hidden_dim: int, total_steps: int
) -> DevicePlan:
    """Takes what the settings ask for or, where they are None, what suits the devices.

    GPUs: XLA and mixed precision. CPU: for a wide model mixed precision, if its
    products are fast; otherwise XLA for a long training, because it compiles for some
    seconds per length of text; then a step takes a fifth to two fifths less. Both
    together were slower than either.

    Args:
        config: its `jit_compile` and `mixed_precision` are asked.
        hardware: what there is.
        hidden_dim: width of the model.
        total_steps: how long training lasts at most.
    """
    has_gpu = bool(hardware.gpu_capabilities)
    suits_tiles = hardware.has_bfloat16_tiles and hidden_dim >= _WIDE
    is_mixed = _choice(config.mixed_precision, has_gpu or suits_tiles)
    is_worth_compiling = total_steps >= _LONG_STEPS and not is_mixed
    return DevicePlan(
        dtype=_mixed(hardware.gpu_capabilities) if is_mixed else "float32",
        jit_compile=_choice(config.jit_compile, has_gpu or is_worth_compiling),
        num_replicas=hardware.num_replicas,
    )


def _mixed(capabilities: Sequence[tuple[int, int]]) -> str:
    if capabilities and min(capabilities) < _BFLOAT16_CAPABILITY:
        return "mixed_float16"
    return "mixed_bfloat16"


def _choice(wanted: bool | None, automatic: bool) -> bool:
    return automatic if wanted is None else wanted


def _cpu_flags() -> list[str]:
    """Lists what the CPU can do; nothing where the system does not say so."""
    try:
        lines = Path(_CPU_INFO).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return next((line.split() for line in lines if line.startswith("flags")), [])
