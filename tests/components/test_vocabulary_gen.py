"""The vocabulary that is learnt: from which words, in which files, and how large."""

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf

from components.vocabulary_gen import learn, read_labels, read_lines
from model import contract
from tests.support.labelled_rows import write_examples

RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
ROWS = [
    ("Rain and rain", "weather"),
    ("rainy café", "weather"),
    ("soup", "food"),
    ("soup, soup; tab\there", "größe"),
]


def learnt(
    folder: Path,
    rows: Sequence[tuple[str, str]] = ROWS,
    *,
    size: int = 60,
    spec: contract.TokenizerSpec = contract.TokenizerSpec.MEDIAPIPE,
    given: Sequence[str] = (),
) -> str:
    """The folder of the vocabulary learnt from these rows."""
    source = write_examples(folder / "Split-train", rows)
    learn(
        patterns=[f"{source}/*"],
        output_dir=str(folder / "vocabulary"),
        config=contract.TokenizerConfig(spec=spec, max_sequence_length=16),
        vocabulary_size=size,
        given=given,
        beam_pipeline=beam.Pipeline(runner=RUNNER),
    )
    return str(folder / "vocabulary")


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> str:
    return learnt(tmp_path_factory.mktemp("learnt"))


def tokens(vocabulary: str) -> list[str]:
    return read_lines(vocabulary, contract.VOCABULARY_FILE)


def test_special_tokens_come_first_in_the_order_of_the_contract(
    vocabulary: str,
) -> None:
    first = tokens(vocabulary)[: len(contract.SPECIAL_TOKENS)]
    assert first == list(contract.SPECIAL_TOKENS)


def test_no_token_occurs_twice_and_the_limit_holds(vocabulary: str) -> None:
    assert len(set(tokens(vocabulary))) == len(tokens(vocabulary)) <= 60


def test_frequent_words_become_whole_tokens_in_lower_case(vocabulary: str) -> None:
    assert {"rain", "soup"} <= set(tokens(vocabulary))
    assert "Rain" not in tokens(vocabulary)


def test_a_given_vocabulary_is_taken_as_it_is(tmp_path: Path) -> None:
    given = ["[PAD]", "[unused0]", *contract.SPECIAL_TOKENS[1:], "the", "##s"]
    vocabulary = learnt(tmp_path, given=given)
    assert tokens(vocabulary) == given
    assert read_labels(vocabulary) == ["food", "größe", "weather"]


def test_every_label_is_there_once_in_sorted_order(vocabulary: str) -> None:
    assert read_labels(vocabulary) == ["food", "größe", "weather"]


def test_the_tokenizer_is_kept_beside_its_vocabulary(vocabulary: str) -> None:
    (line,) = read_lines(vocabulary, contract.TOKENIZER_FILE)
    assert contract.TokenizerConfig.from_json(line) == contract.TokenizerConfig(
        max_sequence_length=16
    )


def test_the_counts_of_beam_do_not_stay(vocabulary: str) -> None:
    assert sorted(tf.io.gfile.listdir(vocabulary)) == sorted(
        [contract.VOCABULARY_FILE, contract.LABELS_FILE, contract.TOKENIZER_FILE]
    )


def test_the_same_rows_in_another_order_give_the_same_vocabulary(
    vocabulary: str, tmp_path: Path
) -> None:
    assert tokens(learnt(tmp_path, ROWS[::-1])) == tokens(vocabulary)


def test_the_specification_decides_what_a_word_is(tmp_path: Path) -> None:
    unicode = learnt(tmp_path, spec=contract.TokenizerSpec.UNICODE)
    pieces = "".join(tokens(unicode))
    assert "é" not in pieces  # Accents are stripped.


def test_words_are_learnt_as_the_graph_will_cut_them(tmp_path: Path) -> None:
    rows = [("rain\u00a0cafe\u0301", "a"), ("café\u2009rain", "b")]
    learned = tokens(learnt(tmp_path, rows))
    assert {"rain", "café"} <= set(learned)
    assert not {"\u00a0", "\u2009", "\u0301", "##\u0301"} & set(learned)


def test_a_vocabulary_without_room_for_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        learnt(tmp_path, size=5)


def test_a_label_may_hold_any_character_but_a_line_feed(tmp_path: Path) -> None:
    labels = ["tab\there", "\u2028", "a b", "'", "a\u00a0b", "cafe\u0301", "café"]
    rows = [(f"text {n}", label) for n, label in enumerate(labels)]
    assert read_labels(learnt(tmp_path, rows)) == sorted(labels)
