"""The device's tokeniser, in plain Python."""

import unicodedata

import pytest

from model import contract
from serving.edge.tokenizer import Tokenizer
from tests.support import nasty_texts
from tests.support.golden import Golden

MEDIAPIPE, UNICODE, _ = contract.TokenizerSpec
SPECS = (MEDIAPIPE, UNICODE)  # test_bert_ids.py has the third.
START, END, UNKNOWN = 2, 3, 1


def tokenizer(
    spec: contract.TokenizerSpec = MEDIAPIPE,
    max_sequence_length: int = 64,
    tokens: list[str] | None = None,
    normalize_unicode: bool = True,
) -> Tokenizer:
    config = contract.TokenizerConfig(
        spec=spec,
        max_sequence_length=max_sequence_length,
        normalize_unicode=normalize_unicode,
    )
    return Tokenizer(tokens or nasty_texts.vocabulary(), config)


@pytest.mark.parametrize("normalize_unicode", [True, False])
@pytest.mark.parametrize("spec", SPECS)
def test_ids_are_as_recorded(
    spec: contract.TokenizerSpec, normalize_unicode: bool, golden: Golden
):
    tokenize = tokenizer(spec, normalize_unicode=normalize_unicode)
    ids = {text: tokenize(text) for text in nasty_texts.TEXTS if len(text) < 1000}
    lines = "".join(
        f"{text!a} {' '.join(map(str, row))}\n" for text, row in ids.items()
    )
    suffix = "_normalized" if normalize_unicode else ""
    golden.check(f"token_ids_{spec}{suffix}.txt", lines)


@pytest.mark.parametrize("spec", SPECS)
def test_the_texts_use_much_of_the_vocabulary(spec: contract.TokenizerSpec):
    tokenize = tokenizer(spec)
    used = {token_id for text in nasty_texts.TEXTS for token_id in tokenize(text)}
    assert {START, END, UNKNOWN} < used
    assert len(used) > 300


@pytest.mark.parametrize("max_sequence_length", [3, 16, 64])
def test_no_row_is_too_long_or_without_its_end(max_sequence_length: int):
    tokenize = tokenizer(max_sequence_length=max_sequence_length)
    rows = [tokenize(text) for text in nasty_texts.TEXTS]
    assert max(len(row) for row in rows) == max_sequence_length
    assert all(row[0] == START and row[-1] == END for row in rows)


def test_a_shorter_row_is_the_beginning_of_a_longer_one():
    short, long = tokenizer(max_sequence_length=8), tokenizer(max_sequence_length=64)
    for text in nasty_texts.TEXTS:
        assert short(text)[:-1] == long(text)[: len(short(text)) - 1]


def test_a_lone_surrogate_becomes_unknown():
    assert tokenizer()("the \ud800 card") == [
        START,
        *tokenizer()("the")[1:-1],
        UNKNOWN,
        *tokenizer()("card")[1:-1],
        END,
    ]


def test_special_tokens_may_stand_anywhere_in_the_vocabulary():
    tokens = ["a", "[PAD]", "b", "[SEP]", "[CLS]", "[UNK]"]
    assert tokenizer(tokens=tokens)("a b c") == [4, 0, 2, 5, 3]


def test_a_vocabulary_without_special_tokens_is_refused():
    with pytest.raises(ValueError, match=r"lacks \['\[CLS\]', '\[SEP\]'\]"):
        tokenizer(tokens=["[UNK]", "a"])


def test_every_kind_of_space_ends_a_word():
    tokens = [*contract.SPECIAL_TOKENS, "my", "card"]
    for space in contract.SPACES:
        assert tokenizer(tokens=tokens)(f"my{space}card") == [START, 5, 6, END]


def test_decomposed_accents_give_the_ids_of_composed_ones():
    tokens = [*contract.SPECIAL_TOKENS, "café", "한글"]
    for text in ("café 한글", unicodedata.normalize("NFD", "café 한글")):
        assert tokenizer(tokens=tokens)(text) == [START, 5, 6, END]


def test_a_megabyte_of_marks_takes_no_minutes():
    text = "a" + "\u0301" * 250_000 + "\u0316" * 250_000  # Uncut: 940 s.
    assert len(tokenizer()(text)) < 64


def test_a_model_from_before_the_setting_is_read_as_it_was():
    config = contract.TokenizerConfig.from_json('{"max_sequence_length": 9}')
    assert not config.normalize_unicode
    assert Tokenizer([*contract.SPECIAL_TOKENS, "my"], config)("my\u00a0my") == [
        START,
        UNKNOWN,
        END,
    ]


@pytest.mark.parametrize("normalize_unicode", [True, False])
def test_the_setting_travels_in_the_settings_file(normalize_unicode: bool):
    config = contract.TokenizerConfig(normalize_unicode=normalize_unicode)
    assert contract.TokenizerConfig.from_json(config.to_json()) == config
