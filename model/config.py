"""Settings of the classifier and of its training, and the presets that name them."""

import dataclasses
import enum
from collections.abc import Mapping
from types import MappingProxyType

from model.settings import Settings, setting

_MOST_WEIGHTS = 500_000_000
"""A device file holds less than 2 GiB, and a weight takes four bytes there."""


class Activation(enum.StrEnum):
    """What stands between the two matrices of a feed-forward layer.

    `gelu` is exact, with the error function; `gelu_tanh` is its older approximation.
    """

    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    RELU = "relu"


class Pooling(enum.StrEnum):
    """How the states of a text's tokens become one vector."""

    MEAN_MAX = "mean_max"
    MEAN = "mean"
    CLS = "cls"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """Size and form of the encoder. `hidden_dim` must be a multiple of `num_heads`.

    `normalize_first` False is BERT's form: layers are normalised after what they add,
    and so are the embeddings. `embedding_dim` None is `hidden_dim`; another one is
    brought to it by a matrix, as in ELECTRA.

    `wide_branch` adds the logits of a linear model on word pieces and their pairs:
    `model.wide`.

    In a preset `vocabulary_size` is an upper limit and `num_classes` a placeholder:
    training replaces both by what the data has.
    """

    section = "model"

    # Five special tokens and one word piece.
    vocabulary_size: int = setting(8000, least=6, most=1_000_000)
    num_classes: int = setting(2, least=2, most=1_000_000, from_data=True)
    hidden_dim: int = setting(256, least=1, most=16_384)
    num_layers: int = setting(2, least=1, most=128)
    num_heads: int = setting(4, least=1, most=256)
    intermediate_dim: int = setting(512, least=1, most=65_536)
    dropout: float = setting(0.1, least=0, below=1)
    # A start token, one word piece, an end token.
    max_sequence_length: int = setting(64, least=3, most=8192)
    normalize_first: bool = True
    activation: Activation = Activation.GELU
    layer_norm_epsilon: float = setting(1e-6, above=0, most=0.1)
    embedding_dim: int | None = setting(None, least=1, most=16_384)
    pooling: Pooling = Pooling.MEAN_MAX
    wide_branch: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_dim % self.num_heads:
            near = max(1, self.hidden_dim // self.num_heads) * self.num_heads
            raise ValueError(
                f"model.hidden_dim ({self.hidden_dim}) must be a multiple of "
                f"model.num_heads ({self.num_heads}); try {near}."
            )
        if self.weights > _MOST_WEIGHTS:
            raise ValueError(
                f"model.hidden_dim ({self.hidden_dim}), model.intermediate_dim "
                f"({self.intermediate_dim}), model.num_layers ({self.num_layers}) and "
                f"model.vocabulary_size ({self.vocabulary_size}) make "
                f"{self.weights:,} weights; allowed: at most {_MOST_WEIGHTS:,}, or no "
                "device file could hold them. Make one of the four smaller."
            )

    @property
    def weights(self) -> int:
        """How many numbers are learnt, but for biases and scales."""
        width, narrow = self.hidden_dim, self.embedding_dim or self.hidden_dim
        rows = self.vocabulary_size + self.max_sequence_length
        projection = 0 if narrow == width else narrow * width
        of_a_layer = 4 * width * width + 2 * width * self.intermediate_dim
        of_the_layers = self.num_layers * of_a_layer
        return rows * narrow + projection + of_the_layers + self.num_classes * width


class Optimizer(enum.StrEnum):
    """How a gradient becomes a change of the weights."""

    ADAMW = "adamw"
    ADAMW_8BIT = "adamw_8bit"
    LAMB = "lamb"
    ADAFACTOR = "adafactor"


class Schedule(enum.StrEnum):
    """What the learning rate does after its warm-up."""

    COSINE = "cosine"
    LINEAR = "linear"
    PIECEWISE_CONSTANT = "piecewise_constant"
    POLYNOMIAL = "polynomial"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """How long and how to train.

    Training lasts `max_epochs`, but never more than `max_steps` batches, and stops
    earlier when the validation accuracy has not improved for `patience` epochs. The
    learning rate falls to 0 over the whole length; 1e-3 is usual from scratch, 3e-5
    from pretrained weights.

    `gradient_accumulation_steps` batches make one update of the weights, with the mean
    of their gradients; the schedule counts updates. With `ema_momentum` above 0 the
    weights that are evaluated and exported are a moving average of the trained ones.

    `token_dropout` hides and `piece_splitting` splits that share of the word pieces in
    training: `model.training.augmentation` has the sources. `seed` is at least 1,
    because tf.data takes 0 for no seed. `jit_compile` and `mixed_precision` choose for
    themselves when None: see `model.training.hardware.devices.choose`.
    """

    section = "training"

    global_batch_size: int = setting(64, least=1, most=65_536)
    max_epochs: int = setting(30, least=1, most=100_000)
    max_steps: int = setting(20_000, least=1, most=1_000_000_000)
    learning_rate: float = setting(1e-3, above=0, most=1)
    warmup_fraction: float = setting(0.1, least=0, below=1)
    schedule: Schedule = Schedule.COSINE
    decay_power: float = setting(2.0, above=0, most=100)
    constant_phases: int = setting(3, least=2, most=100)
    phase_factor: float = setting(0.1, above=0, most=1)
    optimizer: Optimizer = Optimizer.ADAMW
    weight_decay: float = setting(0.01, least=0, most=1)
    clip_norm: float = setting(1.0, above=0, most=1_000_000)
    gradient_accumulation_steps: int = setting(1, least=1, most=65_536)
    ema_momentum: float = setting(0.0, least=0, below=1)
    label_smoothing: float = setting(0.1, least=0, below=1)
    token_dropout: float = setting(0.1, least=0, below=1)
    piece_splitting: float = setting(0.0, least=0, below=1)
    patience: int = setting(5, least=1, most=100_000)
    seed: int = setting(1, least=1, most=2**31 - 1)
    jit_compile: bool | None = None
    mixed_precision: bool | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillationConfig(Settings):
    """How a student learns from a teacher.

    `weight` is the teacher's share of the loss, the labels have the rest; at
    `temperature` the scores of both are compared. `made_up_texts` are made of the train
    split, so many per text, for the teacher to score: `components.made_up_texts`.
    """

    section = "distillation"

    weight: float = setting(0.9, above=0, most=1)
    temperature: float = setting(2.0, above=0, most=100)
    made_up_texts: int = setting(5, least=0, most=1000)


FINE_TUNING = TrainingConfig(
    global_batch_size=32,
    max_epochs=10,
    learning_rate=1e-4,
    schedule=Schedule.LINEAR,
    token_dropout=0.0,
)
"""What pretrained weights are trained with, unless somebody chose otherwise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoringConfig(Settings):
    """What scores mean when the weights are learnt; the validation split decides.

    `calibrate` divides the logits so that the scores are as sure as they are right.
    `reject` has answers marked as "none of these" where the best score is too low: it
    is the share of the texts in scope whose right answers that may cost. With
    `reject_label`, the label of texts out of scope, those texts are what must be
    rejected; without `reject` the threshold then catches most for the least cost.
    """

    section = "evaluation"

    calibrate: bool = True
    reject: float | None = setting(None, least=0, below=1)
    reject_label: str | None = None


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
                "Command: ktp run --data data/velora --preset tiny. "
                "Hardware: two shared CPU cores. Time: 9 s of training. "
                "Expect: test accuracy 0.840."
            ),
            model=ModelConfig(
                hidden_dim=64,
                num_layers=1,
                num_heads=2,
                intermediate_dim=128,
                wide_branch=True,
            ),
            training=TrainingConfig(max_epochs=3),
        ),
        # The data decides how many word pieces there are: 4,000 of 10,000 short texts
        # in one language, all 16,000 of 21 languages.
        "small": Preset(
            description=(
                "From scratch, for some thousand texts. "
                "Command: ktp run --data banking77 --preset small. "
                "Hardware: two shared CPU cores. Time: 103 s of training. "
                "Expect: test accuracy 0.926 on Banking77, 0.933 on CLINC150 in scope, "
                "0.886 on HWU64."
            ),
            model=ModelConfig(
                vocabulary_size=16_000,
                hidden_dim=128,
                num_layers=2,
                num_heads=4,
                intermediate_dim=256,
                max_sequence_length=128,
                wide_branch=True,
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
