"""LoRA: a frozen matrix learns the product of two narrow ones in addition.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from model.adaptation.config import AdaptationConfig, LoraMatrix
from model.adaptation.replacing import TrainingLayer, name_in_training, replace
from model.dropout import Dropout

LOW_RANK = "low_rank"
"""What the name of every `LowRankDense` ends in."""
_PARTS = {
    "query_key_value": (LoraMatrix.QUERY, LoraMatrix.KEY, LoraMatrix.VALUE),
    "intermediate": (LoraMatrix.FEED_FORWARD,),
}
_OUTPUT = "output"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LowRank:
    """Size of an update; its product is multiplied by `alpha / rank`."""

    rank: int
    alpha: float
    dropout: float = 0.0

    @property
    def scale(self) -> float:
        """Keeps the update's size when the rank is changed."""
        return self.alpha / self.rank


class LowRankDense(TrainingLayer):
    """`[N, D]` -> `[N, E]`: a Dense, and an update of rank `rank` to its kernel.

    The kernel may have several matrices side by side; each of them that `is_changed`
    has an update of its own. The Dense must be built. Its kernel and the update are
    never added up while training: that would ask for the kernel's whole gradient.
    """

    def __init__(
        self,
        dense: keras.layers.Dense,
        low_rank: LowRank,
        is_changed: Sequence[bool] = (True,),
    ) -> None:
        name = name_in_training(dense, LOW_RANK)
        super().__init__(dtype=dense.dtype_policy, name=name)
        self.dense = dense
        self.low_rank = low_rank
        self.is_changed = tuple(is_changed)
        self.update_dropout = Dropout(low_rank.dropout, dtype=dense.dtype_policy)
        self.build((None, dense.kernel.shape[0]))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        rank, width = self.low_rank.rank, self.dense.units // len(self.is_changed)
        self.down, self.up = [], []
        for index, changed in enumerate(self.is_changed):
            if changed:
                self.down.append(
                    self.add_weight(
                        name=f"down_{index}",
                        shape=(input_shape[-1], rank),
                        initializer="he_uniform",
                    )
                )
                self.up.append(
                    self.add_weight(
                        name=f"up_{index}", shape=(rank, width), initializer="zeros"
                    )
                )

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None
    ) -> keras.KerasTensor:
        outputs = keras.ops.matmul(inputs, self.dense.kernel) + self.dense.bias
        inputs = self.update_dropout(inputs, training=training)
        changes = [
            keras.ops.matmul(keras.ops.matmul(inputs, down), up)
            for down, up in zip(self.down, self.up, strict=True)
        ]
        outputs = outputs + self._side_by_side(changes)
        activation = self.dense.activation
        return outputs if activation is None else activation(outputs)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.dense.units)

    def merged(self) -> dict[str, Any]:
        changes = [
            keras.ops.matmul(down, up)
            for down, up in zip(self.down, self.up, strict=True)
        ]
        kernel = keras.ops.convert_to_tensor(self.dense.kernel)
        return {self.dense.kernel.path: kernel + self._side_by_side(changes)}

    def _side_by_side(self, changes: list[Any]) -> keras.KerasTensor:
        changes = [change * self.low_rank.scale for change in changes]
        rest = iter(changes)
        nothing = keras.ops.zeros_like(changes[0])
        parts = [next(rest) if changed else nothing for changed in self.is_changed]
        return parts[0] if len(parts) == 1 else keras.ops.concatenate(parts, axis=-1)


def add_low_rank(model: keras.Model, config: AdaptationConfig) -> None:
    """Puts a `LowRankDense` in the place of every Dense that the settings name."""
    low_rank = LowRank(
        rank=config.lora_rank, alpha=config.lora_alpha, dropout=config.lora_dropout
    )
    for owner, attribute, dense in list(_dense_layers(model)):
        is_changed = [part in config.matrices for part in _parts(owner, dense)]
        if any(is_changed):
            replace(owner, attribute, LowRankDense(dense, low_rank, is_changed))


def _dense_layers(
    model: keras.Model,
) -> Iterator[tuple[keras.layers.Layer, str, keras.layers.Dense]]:
    """Finds what belongs to another layer, so not the classifier's head."""
    for owner in model._flatten_layers(include_self=False):
        for attribute, value in vars(owner).items():
            if isinstance(value, keras.layers.Dense):
                yield owner, attribute, value


def _parts(
    owner: keras.layers.Layer, dense: keras.layers.Dense
) -> tuple[LoraMatrix, ...]:
    """Names the matrices side by side in a kernel; none for a layer of another kind."""
    if dense.name == _OUTPUT:
        is_attention = hasattr(owner, "query_key_value")
        return (LoraMatrix.OUTPUT if is_attention else LoraMatrix.FEED_FORWARD,)
    return _PARTS.get(dense.name, ())
