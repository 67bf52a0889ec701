"""A pretrained table of word pieces, of which training changes only what it sees.

A word piece that is in no text of the train split has no gradient, ever, so its row
stays as it is; and without it gradients, optimizer states and their arithmetic shrink
to what the texts use: some 2,300 of BERT's 30,522 rows for 10,000 questions. The rows
that are left are trained exactly as they would be in the whole table.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from model.adaptation.replacing import TrainingLayer

_NOT_USED = -1


class UsedRowsEmbedding(TrainingLayer):
    """`[B, T]` token ids -> `[B, T, D]`, from a frozen table and a small trained one.

    Args:
        vocabulary_size: V, rows of the frozen table.
        width: D.
        used_ids: the ids whose rows are trained, ascending, each once.
    """

    def __init__(
        self, vocabulary_size: int, width: int, used_ids: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.used_ids = np.asarray(used_ids, np.int32)
        self.row_of = np.full(vocabulary_size, _NOT_USED, np.int32)
        self.row_of[self.used_ids] = np.arange(len(self.used_ids))

    def build(self, token_ids_shape: tuple[int | None, ...]) -> None:
        # Without autocast: a half-precision step would convert the whole table.
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.width),
            initializer="zeros",
            trainable=False,
            autocast=False,
        )
        self.used_embeddings = self.add_weight(
            name="used_embeddings",
            shape=(len(self.used_ids), self.width),
            initializer="zeros",
            autocast=False,
        )

    def start(self) -> None:
        """Begins with the rows of the table as they are now."""
        rows = keras.ops.take(self.embeddings, self.used_ids, axis=0)
        self.used_embeddings.assign(rows)

    def call(self, token_ids: keras.KerasTensor) -> keras.KerasTensor:
        rows = keras.ops.take(self.row_of, token_ids, axis=0)
        trained = keras.ops.take(
            self.used_embeddings, keras.ops.maximum(rows, 0), axis=0
        )
        frozen = keras.ops.take(self.embeddings, token_ids, axis=0)
        is_used = keras.ops.expand_dims(rows != _NOT_USED, -1)
        return keras.ops.cast(
            keras.ops.where(is_used, trained, frozen), self.compute_dtype
        )

    def compute_output_shape(
        self, token_ids_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (*token_ids_shape, self.width)

    def merged(self) -> dict[str, Any]:
        table = np.array(keras.ops.convert_to_numpy(self.embeddings))
        table[self.used_ids] = keras.ops.convert_to_numpy(self.used_embeddings)
        return {self.embeddings.path: table}
