"""The tokeniser as a TensorFlow graph."""

import json
import pathlib
import random
import subprocess
import sys
import unicodedata

import pytest
import tensorflow as tf

from model import contract
from model.text.tokenization import GraphSplitter, GraphTokenizer
from tests.support import nasty_texts

MEDIAPIPE, UNICODE, BERT = contract.TokenizerSpec
SPECS = tuple(contract.TokenizerSpec)
TOKENS = [*contract.SPECIAL_TOKENS, "my", "card", "##s", "?", "café", "cafe"]
START, END, UNKNOWN = 2, 3, 1
MY, CARD, S, QUESTION_MARK, CAFE_ACUTE, CAFE = range(5, 11)


def ids(
    texts: list[str | bytes],
    spec: contract.TokenizerSpec = MEDIAPIPE,
    max_sequence_length: int = 64,
    normalize_unicode: bool = True,
) -> list[list[int]]:
    config = contract.TokenizerConfig(
        spec=spec,
        max_sequence_length=max_sequence_length,
        normalize_unicode=normalize_unicode,
    )
    return GraphTokenizer(TOKENS, config)(tf.constant(texts, tf.string)).to_list()


def splitter(
    spec: contract.TokenizerSpec = MEDIAPIPE, normalize_unicode: bool = True
) -> GraphSplitter:
    config = contract.TokenizerConfig(spec=spec, normalize_unicode=normalize_unicode)
    return GraphSplitter(config)


def words(
    text: str | bytes,
    spec: contract.TokenizerSpec = MEDIAPIPE,
    normalize_unicode: bool = True,
) -> list[str]:
    split = splitter(spec, normalize_unicode)
    return [word.decode() for word in split(tf.constant([text])).to_list()[0]]


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
        ("a\u2028b", ["a\u2028b"], ["a\u2028b"]),
        ("a\0b", ["a"], ["a", "b"]),
        ("cafe\u0301", ["cafe\u0301"], ["cafe"]),
        ("好好", ["好", "好"], ["好", "好"]),
        ("don't!", ["don", "'", "t", "!"], ["don", "'", "t", "!"]),
    ],
)
def test_the_two_specifications_differ_as_described(
    text: str, mediapipe: list[str], unicode: list[str]
):
    assert words(text, MEDIAPIPE, normalize_unicode=False) == mediapipe
    assert words(text, UNICODE, normalize_unicode=False) == unicode


WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""The 25 characters of Unicode's property White_Space (PropList.txt)."""


@pytest.mark.parametrize("spec", [MEDIAPIPE, UNICODE])
def test_every_kind_of_space_ends_a_word(spec: contract.TokenizerSpec):
    python_says = {c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()}
    spaces = {*WHITE_SPACE, *python_says, "\u200b", "\ufeff", "\0"}
    assert spaces == set(contract.SPACES)
    texts = [f"{space}my{space}{space}card{space}" for space in sorted(spaces)]
    assert ids(texts, spec) == [[START, MY, CARD, END]] * len(texts)


def test_what_joins_or_hides_ends_no_word():
    for joiner in "\u200c\u200d\u2060\u00ad\u180e":
        assert words(f"my{joiner}card") == [f"my{joiner}card"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafe\u0301", ["café"]),
        ("CAFE\u0301", ["cafÉ"]),  # As "CAFÉ": only ASCII is lower-cased.
        ("a\u0302\u0323", ["ậ"]),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", ["한글"]),
        ("か\u3099", ["が"]),
        ("\u212b", ["Å"]),
        ("=\u0338", ["≠"]),
        ("a\u037eb", ["a", ";", "b"]),
        ("\u0301", ["\u0301"]),
        ("ﬁ ² Ω", ["ﬁ", "²", "Ω"]),  # Only what is canonically equal.
    ],
)
def test_accents_are_composed(text: str, expected: list[str]):
    assert words(text) == expected


def test_composed_and_decomposed_text_have_the_same_words():
    split = splitter()
    composed, decomposed, as_written = (
        split(
            tf.constant(
                [
                    unicodedata.normalize(form, t) if form else t
                    for t in nasty_texts.TEXTS
                ]
            )
        )
        for form in ("NFC", "NFD", None)
    )
    assert composed.to_list() == decomposed.to_list() == as_written.to_list()


def test_long_text_is_composed_but_no_chunk_that_would_take_minutes():
    assert set(words("cafe\u0301 " * 5000)) == {"café"}
    assert set(words("か\u3099" * 680)) == {"が" * 680}
    # Composed, this one would take 3 minutes: the time grows with its square.
    marks = "a" + "\u0301" * 100_000 + "\u0316" * 100_000
    assert words(f"e\u0301\u00a0{marks}") == ["é", marks]


@pytest.mark.parametrize("normalize_unicode", [True, False])
@pytest.mark.parametrize("spec", [MEDIAPIPE, UNICODE])
def test_bytes_that_are_not_utf8_become_unknown(
    spec: contract.TokenizerSpec, normalize_unicode: bool
):
    texts = list(nasty_texts.INVALID_UTF8)
    answers = ids(texts, spec, normalize_unicode=normalize_unicode)
    assert all(UNKNOWN in row for row in answers)


def test_bert_leaves_out_bytes_that_are_not_utf8():
    assert words(b"my\xff ca\xed\xa0\x80rd\xf0\x9f", BERT) == ["my", "card"]


def test_a_megabyte_of_marks_takes_no_minutes_as_bert():
    marks = "a" + "\u0301" * 250_000 + "\u0316" * 250_000
    assert words(marks, BERT) == ["a"]


@pytest.mark.parametrize("spec", SPECS)
def test_random_bytes_are_tokenised(spec: contract.TokenizerSpec):
    rng = random.Random(0)
    parts = [
        b"card ",
        b"\xc2\xa0",
        b"e\xcc\x81",
        b"\0",
        b"\xff",
        b"\xcc",
        b"\xed\xa0\x80",
    ]
    texts = [rng.randbytes(rng.randrange(50)) for _ in range(2000)]
    texts += [b"".join(rng.choices(parts, k=20)) for _ in range(2000)]
    assert all(row[0] == START and row[-1] == END for row in ids(texts, spec))


@pytest.mark.parametrize("spec", SPECS)
def test_words_are_counted_and_broken_ones_left_out(spec: contract.TokenizerSpec):
    texts = ["My\u00a0card", b"my \xff? card's", "card", "ça", "c\u0327a"]
    counts = splitter(spec).count_words(texts)
    word = "ça" if spec is MEDIAPIPE else "ca"
    assert counts == {"my": 2, "card": 3, "?": 1, "'": 1, "s": 1, word: 2}


def test_a_path_gives_the_same_ids_as_the_tokens(tmp_path: pathlib.Path):
    path = tmp_path / contract.VOCABULARY_FILE
    tokens = [*TOKENS, "a\u2028b", "last"]  # Only a line feed ends a line.
    path.write_text("".join(f"{token}\n" for token in tokens), "utf-8")
    config = contract.TokenizerConfig(normalize_unicode=False)
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
