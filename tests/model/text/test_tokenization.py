"""The tokeniser as a TensorFlow graph."""

import json
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from model import contract
from model.text.tokenization import GraphSplitter, GraphTokenizer
from tests.support import nasty_texts

MEDIAPIPE, UNICODE = contract.TokenizerSpec
SPECS = tuple(contract.TokenizerSpec)
TOKENS = [*contract.SPECIAL_TOKENS, "my", "card", "##s", "?", "café", "cafe"]
START, END, UNKNOWN = 2, 3, 1
MY, CARD, S, QUESTION_MARK, CAFE_ACUTE, CAFE = range(5, 11)


def ids(
    texts: list[str | bytes],
    spec: contract.TokenizerSpec = MEDIAPIPE,
    max_sequence_length: int = 64,
) -> list[list[int]]:
    config = contract.TokenizerConfig(
        spec=spec, max_sequence_length=max_sequence_length
    )
    return GraphTokenizer(TOKENS, config)(tf.constant(texts, tf.string)).to_list()


def words(text: str | bytes, spec: contract.TokenizerSpec) -> list[str]:
    return [w.decode() for w in GraphSplitter(spec)(tf.constant([text])).to_list()[0]]


def test_pieces_stand_between_start_and_end():
    assert ids(["My cards?"]) == [[START, MY, CARD, S, QUESTION_MARK, END]]


def test_text_without_words_is_start_and_end():
    assert ids(["", " \t\n"]) == [[START, END]] * 2


def test_a_word_that_cannot_be_spelt_is_one_unknown():
    assert ids(["my cardigan"]) == [[START, MY, UNKNOWN, END]]


def test_long_text_keeps_its_end_token():
    expected = [[START, MY, MY, END], [START, MY, CARD, END], [START, CARD, S, END]]
    texts = ["my " * 9, "my cards", "cards"]
    assert ids(texts, max_sequence_length=4) == expected


def test_an_empty_batch_has_no_rows():
    assert ids([]) == []


@pytest.mark.parametrize(
    ("text", "mediapipe", "unicode"),
    [
        ("CAFÉ", ["cafÉ"], ["cafe"]),
        ("ﬁne", ["ﬁne"], ["fine"]),
        ("Straße", ["straße"], ["strasse"]),
        ("a\u00a0b", ["a\u00a0b"], ["a", "b"]),
        ("a\u200bb", ["a\u200bb"], ["ab"]),
        ("a\0b", ["a"], ["a", "b"]),
        ("好好", ["好", "好"], ["好", "好"]),
        ("don't!", ["don", "'", "t", "!"], ["don", "'", "t", "!"]),
    ],
)
def test_the_two_specifications_differ_as_described(
    text: str, mediapipe: list[str], unicode: list[str]
):
    assert words(text, MEDIAPIPE) == mediapipe
    assert words(text, UNICODE) == unicode


@pytest.mark.parametrize("spec", SPECS)
def test_bytes_that_are_not_utf8_become_unknown(spec: contract.TokenizerSpec):
    answers = ids(list(nasty_texts.INVALID_UTF8), spec)
    assert all(UNKNOWN in row for row in answers)


@pytest.mark.parametrize("spec", SPECS)
def test_words_are_counted_and_broken_ones_left_out(spec: contract.TokenizerSpec):
    counts = GraphSplitter(spec).count_words(["My card", b"my \xff? card's", "card"])
    assert counts == {"my": 2, "card": 3, "?": 1, "'": 1, "s": 1}


def test_a_path_gives_the_same_ids_as_the_tokens(tmp_path: pathlib.Path):
    path = tmp_path / contract.VOCABULARY_FILE
    tokens = [*TOKENS, "a\u2028b", "last"]  # Only a line feed ends a line.
    path.write_text("".join(f"{token}\n" for token in tokens), "utf-8")
    config = contract.TokenizerConfig()
    texts = tf.constant(["my last cards", "a\u2028b"])
    from_path = GraphTokenizer(path, config)(texts).to_list()
    assert from_path == GraphTokenizer(tokens, config)(texts).to_list()
    assert from_path[1] == [START, TOKENS.index("cafe") + 1, END]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (TOKENS[:3], r"lacks \['\[SEP\]'\]"),
        ([*TOKENS, "my"], "cannot be compiled"),
        ([*TOKENS, "\0"], "cannot be compiled"),
    ],
)
def test_an_unusable_vocabulary_is_refused(tokens: list[str], message: str):
    with pytest.raises(ValueError, match=message):
        GraphTokenizer(tokens, contract.TokenizerConfig())


class Served(tf.Module):
    """What a SavedModel holds: the tokeniser behind a signature."""

    def __init__(self, tokenizer: GraphTokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, contract.TEXT)])
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {contract.TOKEN_IDS: self.tokenizer(text).to_tensor(contract.PAD_ID)}


LOAD_AND_ASK = """
import json, sys
import tensorflow as tf
import tensorflow_text

for path in sys.argv[1:]:
    serve = tf.saved_model.load(path).signatures["serving_default"]
    texts = tf.constant(json.load(sys.stdin)) if path == sys.argv[1] else texts
    print(json.dumps(serve(text=texts)["token_ids"].numpy().tolist()))
"""


@pytest.mark.timeout(300)  # Imports TensorFlow once more.
def test_a_saved_model_gives_the_same_ids_in_another_process(tmp_path: pathlib.Path):
    texts = [text for text in nasty_texts.TEXTS if len(text) < 1000]
    expected, paths = [], []
    for spec in SPECS:
        vocabulary_path = tmp_path / f"{spec}.txt"
        tokens = nasty_texts.vocabulary()
        vocabulary_path.write_text("".join(f"{t}\n" for t in tokens), "utf-8")
        config = contract.TokenizerConfig(spec=spec)
        served = Served(GraphTokenizer(vocabulary_path, config))
        expected.append(served.serve(tf.constant(texts))["token_ids"].numpy().tolist())
        paths.append(str(tmp_path / spec))
        tf.saved_model.save(served, paths[-1], signatures=served.serve)
        vocabulary_path.unlink()  # The SavedModel must not need it.
    command = [sys.executable, "-c", LOAD_AND_ASK, *paths]
    answer = subprocess.run(
        command, input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    assert [json.loads(line) for line in answer.stdout.splitlines()] == expected
