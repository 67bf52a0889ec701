"""BERT's original way to cut text into words, as a TensorFlow graph.

The ops that look like it differ: `FastBertNormalizer` folds compatibility forms (NFKC),
`BertTokenizer` does too, and RE2's classes are those of another Unicode. So the graph
looks every character up in a table, made of the function that the device uses.
"""

import dataclasses
import functools
import itertools

import numpy as np
import tensorflow as tf

from model import contract
from serving.edge import bert_characters

_PAGE = 128
_CODE_POINTS = 0x110000
_ITSELF = 0
"""In a spelling: the character that is looked up."""
_STAND_INS = tuple(range(0xF0000, 0xF0000 + len(contract.SPECIAL_TOKENS)))
"""Characters for private use, which stand for `contract.SPECIAL_TOKENS`."""
_ALIKE = (
    range(0x30000, 0xE0000),
    range(_STAND_INS[0] + _PAGE, 0xFFF80),
    range(0x100000, 0x10FF80),
)
"""Characters that are all spelt alike, most of them none; left out to save seconds."""


class BertSplitter(tf.Module):
    """Cuts texts into normalised words: `[B]` strings -> `[B, (words)]` strings.

    A special token that is written in the text, `[MASK]`, is a word of that name, as it
    is to the original. Bytes that are not UTF-8 are left out. Time is linear.
    """

    def __init__(
        self, config: contract.TokenizerConfig, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self._table = _table(
            dataclasses.replace(config, max_sequence_length=3, normalize_unicode=True)
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        characters = tf.strings.unicode_decode(_with_stand_ins(texts), "UTF-8")
        spelt = characters.with_flat_values(self._spell(characters.flat_values))
        joined = tf.strings.unicode_encode(spelt.merge_dims(1, 2), "UTF-8")
        return tf.strings.split(joined)

    def _spell(self, characters: tf.Tensor) -> tf.RaggedTensor:
        """`[N]` code points -> `[N, (spelling)]` code points."""
        table = self._table
        pages = tf.gather(table.pages, characters // _PAGE)
        rows = tf.gather(table.rows, pages * _PAGE + characters % _PAGE)
        starts, ends = tf.gather(table.starts, rows), tf.gather(table.starts, rows + 1)
        spelt = tf.ragged.range(starts, ends)
        parts = tf.gather(table.parts, spelt.flat_values)
        themselves = tf.gather(characters, spelt.value_rowids())
        return spelt.with_flat_values(tf.where(parts == _ITSELF, themselves, parts))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Table:
    """Spellings of all characters, each different one once, in two stages.

    `pages` `[0x110000 / 128]`: which page has a character. `rows` `[pages * 128]`:
    which spelling. Spelling `i` is `parts[starts[i]:starts[i + 1]]`.
    """

    pages: np.ndarray
    rows: np.ndarray
    starts: np.ndarray
    parts: np.ndarray


@functools.lru_cache(maxsize=4)
def _table(config: contract.TokenizerConfig) -> _Table:
    spellings: dict[tuple[int, ...], int] = {}
    pages: dict[tuple[int, ...], int] = {}
    page_of = []
    for first in range(0, _CODE_POINTS, _PAGE):
        page = tuple(
            spellings.setdefault(spelling, len(spellings))
            for spelling in _page(first, config)
        )
        page_of.append(pages.setdefault(page, len(pages)))
    lengths = [len(spelling) for spelling in spellings]
    return _Table(
        pages=np.array(page_of, np.int32),
        rows=np.array(list(itertools.chain.from_iterable(pages)), np.int32),
        starts=np.array([0, *itertools.accumulate(lengths)], np.int32),
        parts=np.array(list(itertools.chain.from_iterable(spellings)), np.int32),
    )


def _page(first: int, config: contract.TokenizerConfig) -> list[tuple[int, ...]]:
    if any(first in alike for alike in _ALIKE):
        return [_spelling(first, config)] * _PAGE
    return [_spelling(first + offset, config) for offset in range(_PAGE)]


def _spelling(code_point: int, config: contract.TokenizerConfig) -> tuple[int, ...]:
    if code_point in _STAND_INS:
        token = contract.SPECIAL_TOKENS[_STAND_INS.index(code_point)]
        text = bert_characters.BREAK + token + bert_characters.BREAK
    else:
        text = bert_characters.spelling(code_point, config)
    return tuple(_ITSELF if ord(c) == code_point else ord(c) for c in text)


def _with_stand_ins(texts: tf.Tensor) -> tf.Tensor:
    """Puts one character where a special token is written."""
    stand_ins = "".join(map(chr, _STAND_INS))
    texts = tf.strings.regex_replace(texts, f"[{stand_ins}]", "")
    for token, code_point in zip(contract.SPECIAL_TOKENS, _STAND_INS, strict=True):
        pattern = token.replace("[", r"\[").replace("]", r"\]")
        texts = tf.strings.regex_replace(texts, pattern, chr(code_point))
    return texts
