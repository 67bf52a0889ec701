"""A text inside a template, and the masked word as its label: no new head.

Schick and Schütze 2021, "Exploiting Cloze Questions for Few Shot Text Classification",
arXiv 2001.07676. Vectors learnt in addition: Lester et al. 2021, "The Power of Scale
for Parameter-Efficient Prompt Tuning", arXiv 2104.08691.

Shapes: B batch, T tokens, K tokens of the template, S soft vectors, D hidden_dim.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras

from model import contract
from model.adaptation.config import MASK_SLOT, TEXT_SLOT, AdaptationConfig

Tensor: TypeAlias = keras.KerasTensor
Shape: TypeAlias = tuple[int, ...]
Tokenize: TypeAlias = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Texts -> the ids of their word pieces, without start and end token."""

SOFT_PROMPT = "soft_prompt"
MASK_TRANSFORM, MASK_NORM = "mask_transform", "mask_norm"
"""Names of the layers of a masked-LM head that stand before its decoder."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prompt:
    """A template as token ids, and the word pieces that each label is read from.

    `before` starts with the start token, `after` ends with the end token; the mask is
    in one of them. `label_pieces` has for each class its words, each of some ids.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    mask_id: int
    soft_length: int
    label_pieces: tuple[tuple[tuple[int, ...], ...], ...]

    @property
    def mask_index(self) -> int:
        """Where the mask is among the tokens that `Template` gives."""
        return [*self.before, *self.after].index(self.mask_id)

    @property
    def length(self) -> int:
        """How many tokens there are besides the text's own."""
        return self.soft_length + len(self.before) + len(self.after)

    @classmethod
    def of(
        cls,
        config: AdaptationConfig,
        labels: Sequence[str],
        vocabulary: Sequence[str],
        tokenize: Tokenize,
    ) -> "Prompt":
        """Cuts the template of the settings, and finds the words of every label.

        Raises:
            ValueError: A word has no piece in the vocabulary.
        """
        ids = [vocabulary.index(t) for t in (contract.START, contract.END)]
        mask_id = vocabulary.index(contract.MASK)
        before, after = (
            _cut(part, mask_id, tokenize) for part in config.template.split(TEXT_SLOT)
        )
        return cls(
            before=(ids[0], *before),
            after=(*after, ids[1]),
            mask_id=mask_id,
            soft_length=config.soft_length,
            label_pieces=tuple(
                _pieces(label, config, vocabulary.index(contract.UNKNOWN), tokenize)
                for label in labels
            ),
        )


def own_words(label: str) -> tuple[str, ...]:
    """Reads a label as words: `card_arrival` as `card arrival`."""
    return (label.replace("_", " ").replace("-", " "),)


def _cut(part: str, mask_id: int, tokenize: Tokenize) -> list[int]:
    cut: list[int] = []
    for number, text in enumerate(part.split(MASK_SLOT)):
        cut += [mask_id] if number else []
        cut += tokenize([text])[0] if text.strip() else []
    return cut


def _pieces(
    label: str, config: AdaptationConfig, unknown_id: int, tokenize: Tokenize
) -> tuple[tuple[int, ...], ...]:
    words = config.words.get(label) or own_words(label)
    found = tuple(tuple(map(int, pieces)) for pieces in tokenize(words))
    for word, pieces in zip(words, found, strict=True):
        if not pieces or unknown_id in pieces:
            raise ValueError(
                f"The label {label!r} is read from the word {word!r}, which the "
                "pretrained vocabulary does not have. Give it another word with "
                "adaptation.verbalizer, as in "
                f'{{"{label}": "word"}}.'
            )
    return found


@keras.saving.register_keras_serializable(package="ktp")
class Template(keras.layers.Layer):
    """Token ids `[B, T]` -> ids and their positions, both int32 `[B, K + T]`.

    The template's tokens come first, wherever they belong: attention knows the order
    from the positions alone. So the mask has the same place in every row, and a row
    needs no room between its text and its padding. The text's own start and end token
    become padding.

    Args:
        before: ids in front of the text; the first is the start token.
        after: ids behind it; the last is the end token.
        soft_length: positions between the start token and all that follows.
    """

    def __init__(
        self,
        before: Sequence[int],
        after: Sequence[int],
        soft_length: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.before, self.after = list(before), list(after)
        self.soft_length = soft_length

    def call(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        batch, length = keras.ops.shape(token_ids)[0], keras.ops.shape(token_ids)[1]
        outer = [
            keras.ops.cast(keras.ops.equal(token_ids, other), "int32")
            for other in (contract.PAD_ID, self.before[0], self.after[-1])
        ]
        # Not 1 minus the sum: devices were tried with EQUAL, not with SUB.
        is_text = keras.ops.cast(keras.ops.equal(sum(outer), 0), "int32")
        num_words = keras.ops.sum(is_text, axis=1, keepdims=True)
        template = keras.ops.convert_to_tensor([self.before + self.after], "int32")
        template = keras.ops.broadcast_to(template, (batch, template.shape[1]))
        first = len(self.before) + self.soft_length
        after = [first + index for index in range(len(self.after))]
        fixed = keras.ops.convert_to_tensor([self._before_positions() + after], "int32")
        moves = [0] * len(self.before) + [1] * len(self.after)
        moved = keras.ops.convert_to_tensor([moves], "int32") * num_words
        # The text's first token is its start token, which is not shown.
        words = keras.ops.arange(first - 1, first - 1 + length, dtype="int32")
        words = keras.ops.expand_dims(words, 0) + 0 * token_ids
        return (
            keras.ops.concatenate([template, token_ids * is_text], axis=1),
            keras.ops.concatenate([fixed + moved, words], axis=1),
        )

    def compute_output_shape(self, token_ids_shape: Shape) -> tuple[Shape, Shape]:
        batch, length = token_ids_shape
        if length is not None:
            length += len(self.before) + len(self.after)
        return (batch, length), (batch, length)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "before": self.before,
            "after": self.after,
            "soft_length": self.soft_length,
        }

    def _before_positions(self) -> list[int]:
        return [0, *range(1 + self.soft_length, len(self.before) + self.soft_length)]


@keras.saving.register_keras_serializable(package="ktp")
class SoftPrompt(keras.layers.Layer):
    """(states `[B, T, D]`, positions `[B, T]`, bias `[B, T]`) -> the same, S longer.

    The learnt vectors come last, in the positions 1 to S.
    """

    def __init__(self, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def build(self, states_shape: Shape, *_: Shape) -> None:
        self.vectors = self.add_weight(
            name="vectors",
            shape=(self.length, states_shape[-1]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(
        self, states: Tensor, positions: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch = keras.ops.shape(states)[0]
        vectors = keras.ops.expand_dims(keras.ops.convert_to_tensor(self.vectors), 0)
        vectors = keras.ops.broadcast_to(vectors, (batch, *vectors.shape[1:]))
        places = keras.ops.convert_to_tensor([list(range(1, self.length + 1))], "int32")
        places = keras.ops.broadcast_to(places, (batch, self.length))
        nothing = keras.ops.zeros((batch, self.length), bias.dtype)
        return (
            keras.ops.concatenate([states, vectors], axis=1),
            keras.ops.concatenate([positions, places], axis=1),
            keras.ops.concatenate([bias, nothing], axis=1),
        )

    def compute_output_shape(
        self, states_shape: Shape, positions_shape: Shape, bias_shape: Shape
    ) -> tuple[Shape, Shape, Shape]:
        batch, length, width = states_shape
        length = None if length is None else length + self.length
        return (batch, length, width), (batch, length), (batch, length)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"length": self.length}


@keras.saving.register_keras_serializable(package="ktp")
class MaskedState(keras.layers.Layer):
    """States `[B, T, D]` -> the state `[B, D]` at the template's mask."""

    def __init__(self, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index

    def call(self, states: Tensor) -> Tensor:
        return keras.ops.take(states, self.index, axis=1)

    def compute_output_shape(self, states_shape: Shape) -> Shape:
        return (states_shape[0], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"index": self.index}
