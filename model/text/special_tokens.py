"""Where the special tokens stand: first in our vocabularies, elsewhere in BERT's."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from model import contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpecialIds:
    """Ids of `contract.SPECIAL_TOKENS`; the defaults are those of our vocabularies."""

    ids: tuple[int, ...] = tuple(range(len(contract.SPECIAL_TOKENS)))
    mask: int = contract.SPECIAL_TOKENS.index(contract.MASK)

    @classmethod
    def of(cls, vocabulary: Sequence[str]) -> "SpecialIds":
        """Looks them up; `vocabulary` has the tokens in the order of their ids."""
        ids = tuple(vocabulary.index(token) for token in contract.SPECIAL_TOKENS)
        return cls(ids=ids, mask=ids[contract.SPECIAL_TOKENS.index(contract.MASK)])

    def are_in(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Says of each id whether it is one of them: bool, the shape of `token_ids`."""
        found = tf.zeros_like(token_ids, tf.bool)
        for special in self.ids:
            found |= token_ids == special
        return found
