"""The specification `bert` gives the ids of BERT's original tokeniser.

What that gives was recorded from Hugging Face's `tokenizers`: the golden file names the
command.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from model import contract
from model.text.tokenization import GraphTokenizer
from serving.edge.tokenizer import Tokenizer
from tests.support.pretrained import hard_strings

GOLDEN = json.loads((Path(__file__).parent / "goldens/tokenizers_ids.json").read_text())
BLOCK = 100
TEXTS = hard_strings.hard_strings()
each_option = pytest.mark.parametrize("name", hard_strings.OPTIONS)
START, END, UNKNOWN, MASK = 11, 12, 10, 13
WORDS = ["[PAD]", *(f"[unused{i}]" for i in range(9)), *contract.SPECIAL_TOKENS[1:]]
WORDS += ["my", "card", "İ", "i", "ß", "a"]


def by_device(texts: list[str], name: str, tokens: list[str]) -> list[list[int]]:
    tokenize = Tokenizer(tokens, hard_strings.config(name))
    return [tokenize(text) for text in texts]


def by_graph(texts: list[str], name: str, tokens: list[str]) -> list[list[int]]:
    tokenize = GraphTokenizer(tokens, hard_strings.config(name))
    return tokenize(tf.constant(texts)).to_list()


BOTH = pytest.mark.parametrize("ids_of", [by_device, by_graph])
IdsOf = Callable[[list[str], str, list[str]], list[list[int]]]


@each_option
@BOTH
def test_hard_strings_have_the_recorded_ids(ids_of: IdsOf, name: str):
    texts = TEXTS if name in ("uncased", "cased") else TEXTS[:1000]
    rows = ids_of(texts, name, hard_strings.vocabulary())
    recorded = GOLDEN[name]
    shown = [" ".join(map(str, row)) for row in rows[: len(recorded["ids"])]]
    assert shown == recorded["ids"]
    digests = [
        hashlib.sha256(json.dumps(rows[i : i + BLOCK]).encode()).hexdigest()[:12]
        for i in range(0, len(rows), BLOCK)
    ]
    assert digests == recorded["digests"][: len(digests)]


def test_the_strings_are_hard():
    rows = by_device(TEXTS, "uncased", hard_strings.vocabulary())
    used = {token_id for row in rows for token_id in row}
    assert len(TEXTS) == hard_strings.COUNT == BLOCK * len(GOLDEN["cased"]["digests"])
    assert len(used) > 4000


@BOTH
def test_a_special_token_in_a_text_is_that_token(ids_of: IdsOf):
    texts = ["my [MASK]card", "[mask]", "[ MASK ]", "[[SEP]"]
    assert ids_of(texts, "uncased", WORDS) == [
        [START, WORDS.index("my"), MASK, WORDS.index("card"), END],
        [START, *[UNKNOWN] * 3, END],
        [START, *[UNKNOWN] * 3, END],
        [START, UNKNOWN, END, END],
    ]


@BOTH
def test_a_word_may_have_a_hundred_characters_of_any_size(ids_of: IdsOf):
    tokens = [*WORDS, "##a", "😀", "##😀"]
    for character in "a😀":
        fits, too_long = ids_of([character * 100, character * 101], "uncased", tokens)
        assert len(fits) == 102
        assert too_long == [START, UNKNOWN, END]


@BOTH
def test_case_and_accents_are_two_settings(ids_of: IdsOf):
    expected = {
        "uncased": [WORDS.index("i")],
        "uncased, accents": [UNKNOWN],  # An i and a dot above it.
        "cased": [WORDS.index("İ")],
        "cased, no accents": [UNKNOWN],  # A capital I.
    }
    for name, ids in expected.items():
        assert ids_of(["İ"], name, WORDS) == [[START, *ids, END]]


def test_a_text_of_special_tokens_alone_is_unknown():
    tokenize = Tokenizer(WORDS, hard_strings.config("uncased"))
    assert tokenize.is_unknown(tokenize("[MASK] [SEP] zzz"))
    assert not tokenize.is_unknown(tokenize("[MASK] my"))


def test_unicode_is_not_normalised_before():
    plain = hard_strings.config("uncased")
    tokens = hard_strings.vocabulary()
    rows = by_device(TEXTS[:1000], "uncased", tokens)
    object.__setattr__(plain, "normalize_unicode", False)
    assert [Tokenizer(tokens, plain)(text) for text in TEXTS[:1000]] == rows


def test_the_settings_travel_and_stay_out_of_other_files():
    config = hard_strings.config("cased, no accents")
    assert contract.TokenizerConfig.from_json(config.to_json()) == config
    assert "lower_case" not in contract.TokenizerConfig().to_json()
