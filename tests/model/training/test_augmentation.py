"""What happens to token ids in training, and what must not."""

import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.training.augmentation import (
    Augmentation,
    drop_tokens,
    piece_splits,
    split_pieces,
)

VOCABULARY = (
    *contract.SPECIAL_TOKENS,
    "card",
    "c",
    "##ard",
    "ca",
    "##rd",
    "##r",
    "##d",
)
ID = {token: index for index, token in enumerate(VOCABULARY)}
SEED = (tf.constant(1), tf.constant(2))
WORDS = tf.fill([100, 100], ID["card"])


def spell(token_ids: tf.RaggedTensor) -> list[str]:
    rows = ([VOCABULARY[index] for index in row] for row in token_ids.to_list())
    return ["".join(row).replace("##", "") for row in rows]


def test_token_dropout_hides_that_share_of_the_words() -> None:
    hidden = drop_tokens(WORDS, 0.3, SEED).numpy()
    assert set(np.unique(hidden)) == {ID["card"], ID["[MASK]"]}
    assert (hidden == ID["[MASK]"]).mean() == pytest.approx(0.3, abs=0.02)


def test_token_dropout_spares_special_tokens_and_padding() -> None:
    special = tf.range(len(contract.SPECIAL_TOKENS))
    kept = drop_tokens(special, 0.999, SEED)
    assert kept.numpy().tolist() == special.numpy().tolist()


def test_special_tokens_are_looked_up_where_they_stand_elsewhere() -> None:
    vocabulary = ["[PAD]", "[unused0]", "card", *contract.SPECIAL_TOKENS[1:], "rd"]
    augment = Augmentation(token_dropout=0.999, vocabulary=vocabulary)
    rows = tf.ragged.constant([[4, 2, 7, 1, 5], [0, 3, 6]], dtype=tf.int64)
    mask = vocabulary.index(contract.MASK)
    assert augment(rows, SEED).to_list() == [[4, mask, mask, mask, 5], [0, 3, 6]]


def test_every_split_spells_the_same() -> None:
    splits = piece_splits(VOCABULARY)
    for token, count, pairs in zip(
        VOCABULARY, splits.counts, splits.pairs, strict=True
    ):
        for first, second in pairs[:count]:
            assert VOCABULARY[first] + VOCABULARY[second].removeprefix("##") == token


def test_splits_are_found_inside_and_at_the_start_of_words() -> None:
    counts = dict(zip(VOCABULARY, piece_splits(VOCABULARY).counts, strict=True))
    assert {token: n for token, n in counts.items() if n} == {"card": 2, "##rd": 1}


def test_that_share_of_the_pieces_is_split_and_every_way_occurs() -> None:
    rows = tf.RaggedTensor.from_tensor(WORDS)
    split = split_pieces(rows, piece_splits(VOCABULARY), 0.3, SEED)
    assert set(spell(split)) == {"card" * 100}
    counts = np.bincount(split.flat_values, minlength=len(VOCABULARY)) / 10_000
    assert counts[ID["c"]] == pytest.approx(0.15, abs=0.02)
    assert counts[ID["ca"]] == pytest.approx(0.15, abs=0.02)


def test_rows_keep_their_own_pieces() -> None:
    rows = tf.ragged.constant([[2, ID["card"], 3], [], [2, ID["##rd"], 3]], tf.int32)
    split = split_pieces(rows, piece_splits(VOCABULARY), 1.0, SEED)
    assert spell(split) == ["[CLS]card[SEP]", "", "[CLS]rd[SEP]"]
    assert split.row_lengths().numpy().tolist() == [4, 0, 4]


def test_augmentation_without_rates_changes_nothing() -> None:
    rows = tf.RaggedTensor.from_tensor(WORDS)
    assert Augmentation()(rows, SEED) is rows


def test_augmentation_follows_its_seed() -> None:
    augment = Augmentation(
        token_dropout=0.2, piece_splitting=0.2, vocabulary=VOCABULARY
    )
    rows = tf.RaggedTensor.from_tensor(WORDS)
    first, again = augment(rows, SEED), augment(rows, SEED)
    other = augment(rows, (SEED[0], SEED[1] + 1))
    assert first.to_list() == again.to_list()
    assert first.to_list() != other.to_list()
