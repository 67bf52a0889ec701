"""The device's tokeniser and the server's graph give the same ids, id for id."""

import itertools
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


def config(
    spec: contract.TokenizerSpec, max_sequence_length: int = 512
) -> contract.TokenizerConfig:
    return contract.TokenizerConfig(spec=spec, max_sequence_length=max_sequence_length)


def different(texts: Iterable[str], settings: contract.TokenizerConfig) -> list[str]:
    """The texts that the two tokenise differently."""
    texts, tokens = list(texts), nasty_texts.vocabulary()
    device = Tokenizer(tokens, settings)
    graph = GraphTokenizer(tokens, settings)(tf.constant(texts, tf.string)).to_list()
    return [t for t, ids in zip(texts, graph, strict=True) if device(t) != ids]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("max_sequence_length", [3, 64, 512])
def test_nasty_texts_give_the_same_ids(
    spec: contract.TokenizerSpec, max_sequence_length: int
):
    assert not different(nasty_texts.TEXTS, config(spec, max_sequence_length))


@pytest.mark.parametrize("spec", SPECS)
def test_every_character_is_normalised_and_split_alike(spec: contract.TokenizerSpec):
    texts = [f"a{chr(code_point)}B" for code_point in CODE_POINTS]
    graph = GraphSplitter(spec)(tf.constant(texts))
    device = Tokenizer(nasty_texts.vocabulary(), config(spec))
    unequal = [
        text[1]
        for text, words in zip(texts, _decoded(graph), strict=True)
        if device.split(text) != words
    ]
    assert not [c for c in unequal if not _is_known_exception(c, spec)]


def _is_known_exception(character: str, spec: contract.TokenizerSpec) -> bool:
    """With `unicode`, characters younger than Python's tables: it cannot fold them."""
    is_unknown_to_python = unicodedata.category(character) == "Cn"
    return spec is contract.TokenizerSpec.UNICODE and is_unknown_to_python


def _decoded(words: tf.RaggedTensor) -> list[list[str]]:
    flat = [word.decode() for word in words.flat_values.numpy()]
    splits = words.row_splits.numpy().tolist()
    return [flat[start:end] for start, end in itertools.pairwise(splits)]


def characters_both_know() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=30)


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(characters_both_know(), min_size=50, max_size=50))
def test_any_text_gives_the_same_ids(spec: contract.TokenizerSpec, texts: list[str]):
    mixed = [*texts, *(" ".join(texts[i : i + 3]) for i in range(0, 50, 3))]
    assert not different(mixed, config(spec))
