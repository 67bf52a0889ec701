"""The device's tokeniser and the server's graph give the same ids, id for id."""

import dataclasses
import itertools
import random
import unicodedata
from collections.abc import Iterable

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from model import contract
from model.text.tokenization import GraphSplitter, GraphTokenizer
from serving.edge.tokenizer import Tokenizer
from tests.support import nasty_texts

SPECS = tuple(contract.TokenizerSpec)
CONFIGS = [
    contract.TokenizerConfig(
        spec=spec, normalize_unicode=is_on, max_sequence_length=512
    )
    for spec in SPECS
    for is_on in (True, False)
]
SURROGATES = range(0xD800, 0xE000)
BEYOND_NAMED_PLANES = range(0x20000, 0xE0000, 7)
"""Chinese and nothing: every seventh is enough."""
CODE_POINTS = [
    *(c for c in range(0x20000) if c not in SURROGATES),
    *BEYOND_NAMED_PLANES,
    *range(0xE0000, 0xE1100),
    0xF0000,
    0x10FFFF,
]


def different(texts: Iterable[str], settings: contract.TokenizerConfig) -> list[str]:
    """The texts that the two tokenise differently."""
    texts, tokens = list(texts), nasty_texts.vocabulary()
    device = Tokenizer(tokens, settings)
    graph = GraphTokenizer(tokens, settings)(tf.constant(texts, tf.string)).to_list()
    return [t for t, ids in zip(texts, graph, strict=True) if device(t) != ids]


each_config = pytest.mark.parametrize(
    "config", CONFIGS, ids=lambda c: f"{c.spec}-{c.normalize_unicode}"
)


@each_config
@pytest.mark.parametrize("max_sequence_length", [3, 64, 512])
def test_nasty_texts_give_the_same_ids(
    config: contract.TokenizerConfig, max_sequence_length: int
):
    config = dataclasses.replace(config, max_sequence_length=max_sequence_length)
    assert not different(nasty_texts.TEXTS, config)


@each_config
def test_every_character_is_normalised_and_split_alike(
    config: contract.TokenizerConfig,
):
    texts = [f"a{chr(code_point)}B" for code_point in CODE_POINTS]
    unequal = differently_split(texts, config)
    assert not [t for t in unequal if not _is_known_exception(t, config)]


def test_every_character_is_decomposed_and_composed_alike():
    config = contract.TokenizerConfig()
    forms = [unicodedata.normalize("NFD", chr(c)) for c in CODE_POINTS]
    texts = [form for form in forms if len(form) > 1]
    texts += [f"e{chr(c)}\u0301{chr(c)}\u0323" for c in CODE_POINTS]
    unequal = differently_split(texts, config)
    assert len(texts) > 100_000
    assert not [t for t in unequal if not _is_known_exception(t, config)]


def test_hangul_and_marks_in_any_order_are_composed_alike():
    rng = random.Random(0)
    jamo = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3)]
    marks = [c for c in range(0x0300, 0x3100) if unicodedata.combining(chr(c))]
    alphabet = [*map(chr, [*jamo, *marks]), *contract.SPACES, *"aeoucn=<'  "]
    texts = ["".join(rng.choices(alphabet, k=rng.randint(1, 9))) for _ in range(20_000)]
    assert not differently_split(texts, contract.TokenizerConfig())


@pytest.mark.parametrize("spec", SPECS)
def test_long_chunks_are_left_alone_alike(spec: contract.TokenizerSpec):
    limit = contract.MAX_COMPOSED_BYTES
    texts = [
        f"e\u0301{space}{filler * (limit // size - 1)}e\u0301{more}{space}e\u0301"
        for space in (" ", "\u00a0", "\0")
        for filler, size in (("a", 1), ("é", 2), ("好", 3), ("\u0301\u0316", 4))
        for more in ("", "a", "aa", "aaa", "é")
    ]
    assert not differently_split(texts, contract.TokenizerConfig(spec=spec))


def differently_split(texts: list[str], config: contract.TokenizerConfig) -> list[str]:
    """The texts that the two split into different words."""
    graph = _decoded(GraphSplitter(config)(tf.constant(texts)))
    device = Tokenizer(nasty_texts.vocabulary(), config)
    return [t for t, w in zip(texts, graph, strict=True) if device.split(t) != w]


def _is_known_exception(text: str, config: contract.TokenizerConfig) -> bool:
    """Characters younger than Python's tables: it cannot fold nor compose them.

    `bert` has tables of its own.
    """
    if config.spec is contract.TokenizerSpec.BERT:
        return False
    is_unknown_to_python = any(unicodedata.category(c) == "Cn" for c in text)
    folds = config.spec is contract.TokenizerSpec.UNICODE
    return is_unknown_to_python and (folds or config.normalize_unicode)


def _decoded(words: tf.RaggedTensor) -> list[list[str]]:
    flat = [word.decode() for word in words.flat_values.numpy()]
    splits = words.row_splits.numpy().tolist()
    return [flat[start:end] for start, end in itertools.pairwise(splits)]


def characters_both_know() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=30)


@each_config
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(characters_both_know(), min_size=50, max_size=50))
def test_any_text_gives_the_same_ids(
    config: contract.TokenizerConfig, texts: list[str]
):
    mixed = [*texts, *(" ".join(texts[i : i + 3]) for i in range(0, 50, 3))]
    assert not different(mixed, config)
