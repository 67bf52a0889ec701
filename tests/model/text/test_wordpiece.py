"""The vocabulary learner."""

import logging
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import contract
from model.text.wordpiece import learn_vocabulary
from serving.edge.tokenizer import Tokenizer

NUM_SPECIAL = len(contract.SPECIAL_TOKENS)
SENNRICH = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
"""The example of the paper's section 3.2."""
WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


def learnt(word_counts: dict[str, int], size: int = 1000) -> list[str]:
    """What is learnt beyond special tokens and single characters."""
    tokens = learn_vocabulary(word_counts, size)
    return [t for t in tokens[NUM_SPECIAL:] if len(t.removeprefix("##")) > 1]


def test_special_tokens_come_first():
    tokens = learn_vocabulary(SENNRICH, 30)
    assert tokens[:NUM_SPECIAL] == list(contract.SPECIAL_TOKENS)


def test_the_most_frequent_pair_is_joined_first_and_ties_alphabetically():
    assert learnt(SENNRICH)[:4] == ["##es", "##est", "##ow", "low"]


def test_frequent_words_become_one_token():
    assert {"low", "newest", "widest"} <= set(learnt(SENNRICH))


def test_pairs_that_occur_once_are_not_joined():
    assert learnt({"abc": 1, "xyz": 2}) == ["##yz", "xyz"]


def test_repeated_characters_are_joined_without_overlap():
    assert learnt({"aaaa": 2}) == ["##aa", "##aaa", "aaaa"]


@pytest.mark.parametrize("size", [25, 27, 30])
def test_the_size_asked_for_is_met(size: int):
    assert len(learn_vocabulary(SENNRICH, size)) == size


def test_the_order_of_the_words_does_not_matter():
    rng = random.Random(0)
    words = {"".join(rng.choices("abcde", k=rng.randint(1, 9))): 5 for _ in range(300)}
    shuffled = dict(rng.sample(list(words.items()), len(words)))
    assert learn_vocabulary(shuffled, 200) == learn_vocabulary(words, 200)


def test_every_character_seen_has_a_token():
    words = dict.fromkeys([*string.ascii_letters, "ж", "好", "😀"], 1)
    assert set(words) <= set(learn_vocabulary(words, 100))


def test_a_character_seen_alone_needs_no_continuation():
    tokens = learn_vocabulary({"好": 9, "ab": 9}, 100)
    assert "##好" not in tokens
    assert {"a", "##a", "b", "##b"} <= set(tokens)


def test_the_rarest_characters_give_way_with_a_warning(
    caplog: pytest.LogCaptureFixture,
):
    words = {character: 100 + n for n, character in enumerate(string.ascii_lowercase)}
    with caplog.at_level(logging.WARNING):
        tokens = learn_vocabulary(words, NUM_SPECIAL + 10)
    assert tokens[NUM_SPECIAL:] == list("qrstuvwxyz")
    assert "A vocabulary_size above 31 keeps them" in caplog.text


@pytest.mark.parametrize("word", ["a\0b", "a\x85b", "\r", "é" * 51])
def test_words_that_cannot_be_matched_teach_nothing(word: str):
    assert learn_vocabulary({word: 9}, 100) == list(contract.SPECIAL_TOKENS)


@pytest.mark.parametrize("size", [-1, 0, NUM_SPECIAL])
def test_a_size_without_room_is_refused(size: int):
    with pytest.raises(ValueError, match=f"vocabulary_size is {size}; it must be"):
        learn_vocabulary(SENNRICH, size)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(WORDS, st.integers(1, 50), max_size=20))
def test_the_vocabulary_spells_every_word_it_was_learnt_from(counts: dict[str, int]):
    tokens = learn_vocabulary(counts, 2000)
    tokenizer = Tokenizer(tokens, contract.TokenizerConfig())
    for word in counts:
        pieces = [tokens[token_id] for token_id in tokenizer.word_pieces(word)]
        assert "".join(piece.removeprefix("##") for piece in pieces) == word
