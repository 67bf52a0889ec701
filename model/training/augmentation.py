"""What training does to token ids so that the model does not learn texts by heart."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from model import contract
from model.text.special_tokens import SpecialIds

Seed = tuple[tf.Tensor, tf.Tensor]
_OUR_SPECIAL = SpecialIds()
_MAX_SPLITS = 16
_CONTINUED = "##"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Hides and splits word pieces; new ones in every epoch.

    `vocabulary` has the tokens in the order of their ids. It is needed for splitting,
    and where the special tokens are not in the rows of `contract.SPECIAL_TOKENS`.
    """

    token_dropout: float = 0.0
    piece_splitting: float = 0.0
    vocabulary: Sequence[str] = ()

    def __call__(self, token_ids: tf.RaggedTensor, seed: Seed) -> tf.RaggedTensor:
        """`[B, (T)]` -> `[B, (T)]`; the same seed does the same."""
        if self.piece_splitting:
            splits = piece_splits(self.vocabulary)
            token_ids = split_pieces(token_ids, splits, self.piece_splitting, seed)
        if self.token_dropout:
            special = SpecialIds.of(self.vocabulary) if self.vocabulary else None
            dropped = drop_tokens(
                token_ids.flat_values, self.token_dropout, seed, special or _OUR_SPECIAL
            )
            token_ids = token_ids.with_flat_values(dropped)
        return token_ids


@dataclasses.dataclass(frozen=True, kw_only=True)
class PieceSplits:
    """Ways to spell V tokens with two others each.

    `counts` is `[V]`, `pairs` `[V, 16, 2]`: ids, of which the first `counts` are valid.
    """

    counts: np.ndarray
    pairs: np.ndarray


def drop_tokens(
    token_ids: tf.Tensor, rate: float, seed: Seed, special: SpecialIds = _OUR_SPECIAL
) -> tf.Tensor:
    """Replaces each word piece by [MASK] with probability `rate`.

    Word dropout (Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic
    Methods for Text Classification", section 3.2). Special tokens and padding stay.

    Args:
        token_ids: integers, any shape.
        rate: between 0 and 1.
        seed: two integers; the same ones drop the same tokens.
        special: which ids are no word pieces.
    """
    draws = tf.random.stateless_uniform(tf.shape(token_ids), seed)
    is_dropped = ~special.are_in(token_ids) & (draws < rate)
    return tf.where(is_dropped, tf.cast(special.mask, token_ids.dtype), token_ids)


def split_pieces(
    token_ids: tf.RaggedTensor, splits: PieceSplits, rate: float, seed: Seed
) -> tf.RaggedTensor:
    """Replaces word pieces by two shorter ones that spell the same.

    Sub-word regularisation: the model sees one word in several spellings and learns
    what its parts mean. On ids, so that the text is not needed; like BPE-dropout
    (Provilkov et al. 2020, arXiv 1910.13267) and MaxMatch-dropout (Hiraoka 2022, arXiv
    2209.04126), which do it inside the tokeniser.

    Args:
        token_ids: `[B, (T)]` integers.
        splits: what `piece_splits` made of the vocabulary.
        rate: probability with which a piece that can be split is split.
        seed: two integers; the same ones split the same pieces.

    Returns:
        `[B, (T)]`; rows with split pieces are longer.
    """
    flat = token_ids.flat_values
    draws = tf.random.stateless_uniform([2, tf.size(flat)], seed)
    counts = tf.gather(splits.counts, flat)
    is_split = (counts > 0) & (draws[0] < rate)
    which = tf.cast(draws[1] * tf.cast(counts, draws.dtype), counts.dtype)
    pairs = tf.gather_nd(splits.pairs, tf.stack([flat, which], axis=-1))
    first = tf.where(is_split, pairs[:, 0], flat)
    spelt = tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(
            tf.stack([first, pairs[:, 1]], axis=-1),
            tf.stack([tf.ones_like(is_split), is_split], axis=-1),
        ),
        tf.cast(is_split, token_ids.row_splits.dtype) + 1,
    )
    return token_ids.with_flat_values(spelt).merge_dims(1, 2)


def piece_splits(vocabulary: Sequence[str]) -> PieceSplits:
    """Finds the ways to spell each token with two others of the vocabulary."""
    id_of = {token: index for index, token in enumerate(vocabulary)}
    counts = np.zeros(len(vocabulary), np.int32)
    pairs = np.zeros((len(vocabulary), _MAX_SPLITS, 2), np.int32)
    for token in set(vocabulary).difference(contract.SPECIAL_TOKENS):
        found = _splits_of(token, id_of)[:_MAX_SPLITS]
        counts[id_of[token]] = len(found)
        pairs[id_of[token], : len(found)] = np.reshape(found, (-1, 2))
    return PieceSplits(counts=counts, pairs=pairs)


def _splits_of(token: str, id_of: Mapping[str, int]) -> list[tuple[int, int]]:
    start = len(_CONTINUED) if token.startswith(_CONTINUED) else 0
    halves = (
        (token[:cut], _CONTINUED + token[cut:]) for cut in range(start + 1, len(token))
    )
    return [(id_of[a], id_of[b]) for a, b in halves if a in id_of and b in id_of]
