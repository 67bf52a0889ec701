"""Settings of the classifier and of its training, and the presets that name them."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType


def _check_at_least(owner: object, name: str, least: int, reason: str) -> None:
    value = getattr(owner, name)
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}: {reason}.")


def _check_positive(owner: object, *names: str) -> None:
    for name in names:
        _check_at_least(owner, name, 1, "there is no less")


def _check_fraction(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if not 0 <= value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 0 and below 1.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Size of the encoder. `hidden_dim` must be a multiple of `num_heads`.

    In a preset `vocabulary_size` is an upper limit and `num_classes` a placeholder:
    training replaces both by what the data has.
    """

    vocabulary_size: int = 8000
    num_classes: int = dataclasses.field(default=2, metadata={"from_data": True})
    hidden_dim: int = 256
    num_layers: int = 2
    num_heads: int = 4
    intermediate_dim: int = 512
    dropout: float = 0.1
    max_sequence_length: int = 64

    def __post_init__(self) -> None:
        _check_positive(
            self, "hidden_dim", "num_layers", "num_heads", "intermediate_dim"
        )
        _check_fraction(self, "dropout")
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim ({self.hidden_dim}) must be a multiple of "
                f"num_heads ({self.num_heads}); try {self.num_heads * 64}."
            )
        _check_at_least(self, "num_classes", 2, "or there is nothing to decide")
        _check_at_least(
            self, "vocabulary_size", 6, "five special tokens and one word piece"
        )
        _check_at_least(
            self,
            "max_sequence_length",
            3,
            "a start token, one word piece, an end token",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How long and how to train.

    Training lasts `max_epochs`, but never more than `max_steps` batches, and stops
    earlier when the validation accuracy has not improved for `patience` epochs. The
    learning rate falls to 0 over the whole length.

    `token_dropout` hides and `piece_splitting` splits that share of the word pieces in
    training: `model.training.augmentation` has the sources. `seed` is at least 1.
    `jit_compile` and `mixed_precision` choose for themselves when None: see
    `model.training.devices.device_plan`.
    """

    global_batch_size: int = 64
    max_epochs: int = 30
    max_steps: int = 20_000
    learning_rate: float = 1e-3
    warmup_fraction: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    label_smoothing: float = 0.1
    token_dropout: float = 0.1
    piece_splitting: float = 0.0
    patience: int = 5
    seed: int = 1
    jit_compile: bool | None = None
    mixed_precision: bool | None = None

    def __post_init__(self) -> None:
        _check_positive(self, "global_batch_size", "max_epochs", "max_steps")
        _check_positive(self, "patience")
        _check_at_least(self, "seed", 1, "tf.data takes 0 for no seed")
        _check_fraction(self, "warmup_fraction", "label_smoothing")
        _check_fraction(self, "token_dropout", "piece_splitting")
        if self.learning_rate <= 0:
            raise ValueError(
                f"learning_rate is {self.learning_rate}; it must be above 0, "
                "for example 1e-3 from scratch or 3e-5 from pretrained weights."
            )
        if self.weight_decay < 0 or self.clip_norm <= 0:
            raise ValueError(
                f"weight_decay is {self.weight_decay} and clip_norm is "
                f"{self.clip_norm}; the first must not be negative, the second must "
                "be above 0."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """A model and its training, under a name, and what to expect of them."""

    description: str
    model: ModelConfig
    training: TrainingConfig


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset(
            description=(
                "Shows that everything works. "
                "Command: ktp run --data banking77 --preset tiny. "
                "Hardware: two shared CPU cores. Time: 11 s of training. "
                "Expect: test accuracy 0.842 on Banking77."
            ),
            model=ModelConfig(
                hidden_dim=64, num_layers=1, num_heads=2, intermediate_dim=128
            ),
            training=TrainingConfig(max_epochs=3),
        ),
        # Few word pieces, split at random: on 9,000 texts this was worth more than a
        # wider model. Text in many scripts needs a larger vocabulary_size.
        "small": Preset(
            description=(
                "From scratch, for some thousand texts. "
                "Command: ktp run --data banking77 --preset small. "
                "Hardware: two shared CPU cores. Time: 146 s of training. "
                "Expect: test accuracy 0.913 on Banking77, 0.919 on CLINC150 in scope, "
                "0.858 on HWU64."
            ),
            model=ModelConfig(
                vocabulary_size=1000,
                hidden_dim=128,
                num_layers=2,
                num_heads=4,
                intermediate_dim=256,
            ),
            training=TrainingConfig(max_epochs=15, piece_splitting=0.1),
        ),
        "base": Preset(
            description=(
                "The size of BERT base. "
                "Command: ktp run --data banking77 --preset base. "
                "Hardware: a GPU with 16 GB. Time: not measured. "
                "Expect: not measured."
            ),
            model=ModelConfig(
                vocabulary_size=30_522,
                hidden_dim=768,
                num_layers=12,
                num_heads=12,
                intermediate_dim=3072,
                max_sequence_length=128,
            ),
            training=TrainingConfig(learning_rate=1e-4, max_epochs=10),
        ),
    }
)
