"""Text to words and to token ids, as TensorFlow graphs.

Training, evaluation and the server share these graphs; the device has a twin in plain
Python, `serving/edge/tokenizer.py`, and a test holds the two together id for id.

A process that loads a SavedModel made with them needs `import tensorflow_text`, which
registers the ops.
"""

import collections
import os
from collections.abc import Iterable, Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from model import contract
from model.text.bert_splitter import BertSplitter

_PUNCTUATION_OR_CHINESE = (
    r"[!-/]|[:-@]|[\[-`]|[{-~]|[\p{P}]"
    r"|[\x{4E00}-\x{9FFF}]|[\x{3400}-\x{4DBF}]"
    r"|[\x{20000}-\x{2A6DF}]|[\x{2A700}-\x{2B73F}]"
    r"|[\x{2B740}-\x{2B81F}]|[\x{2B820}-\x{2CEAF}]"
    r"|[\x{F900}-\x{FAFF}]|[\x{2F800}-\x{2FA1F}]"
)
"""Delimiters that are words of their own: kDefaultIncludeDelimRe in MediaPipe's
`mediapipe/tasks/cc/text/tokenizers/bert_tokenizer.h`."""

_DELIMITER = rf"\s+|{_PUNCTUATION_OR_CHINESE}"
"""Where words end: kDefaultDelimRe there. RE2's `\\s` is ASCII only, without `\\v`."""

_ANY_SPACE = "[" + "".join(rf"\x{{{ord(c):X}}}" for c in contract.SPACES) + "]+"


class GraphSplitter(tf.Module):
    """Normalises text and splits it into words; punctuation is a word per character."""

    def __init__(
        self, config: contract.TokenizerConfig, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self._spec = config.spec
        self._normalizes_unicode = config.normalize_unicode
        if self._spec is contract.TokenizerSpec.BERT:
            self._as_bert = BertSplitter(config)
        if self._spec is contract.TokenizerSpec.UNICODE:
            self._normalizer = tf_text.FastBertNormalizer(
                lower_case_nfd_strip_accents=True
            )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Splits `[B]` strings into `[B, (words)]` strings."""
        if self._spec is contract.TokenizerSpec.BERT:
            return self._as_bert(texts)
        if not self._normalizes_unicode:
            return _split(self._fold(texts), _DELIMITER, _PUNCTUATION_OR_CHINESE)
        # The splitter reads C strings: a NUL would end the text.
        texts = tf.strings.regex_replace(texts, r"\x00", " ")
        chunks = _split(texts, _ANY_SPACE, "")
        folded = self._fold(_compose(chunks.flat_values))
        words = _split(folded, _DELIMITER, _PUNCTUATION_OR_CHINESE)
        return chunks.with_flat_values(words).merge_dims(1, 2)

    def count_words(self, texts: Sequence[str | bytes]) -> collections.Counter[str]:
        """Counts the words of a batch; words that are not UTF-8 are left out."""
        words = self(tf.constant(texts, tf.string)).flat_values.numpy()
        counts = collections.Counter(words)
        return collections.Counter(dict(_decoded(counts.items())))

    def _fold(self, texts: tf.Tensor) -> tf.Tensor:
        if self._spec is contract.TokenizerSpec.UNICODE:
            return self._normalizer.normalize(texts)
        return tf.strings.lower(texts)  # ASCII only, as absl::AsciiStrToLower.


def _split(texts: tf.Tensor, delimiter: str, kept: str) -> tf.RaggedTensor:
    parts, _, _ = tf_text.regex_split_with_offsets(texts, delimiter, kept)
    return parts


def _compose(chunks: tf.Tensor) -> tf.Tensor:
    """NFC, but for chunks that only an attacker writes.

    It takes time that grows with the square of a run of accents, minutes for a
    megabyte. Between spaces it does the same as over the whole text.
    """
    is_short = tf.strings.length(chunks) <= contract.MAX_COMPOSED_BYTES
    composed = tf_text.normalize_utf8(tf.where(is_short, chunks, ""), "NFC")
    return tf.where(is_short, composed, chunks)


class GraphTokenizer(tf.Module):
    """Turns text into ids: start token, word pieces, end token.

    The vocabulary is compiled into the graph (FastWordpieceTokenizer's trie: 10 times
    as fast as WordpieceTokenizer with a table, same ids), so a SavedModel needs no
    vocabulary file and no table to initialise.

    Args:
        vocabulary: path or URI of a `contract.VOCABULARY_FILE`, or the tokens.
        config: specification and greatest length.

    Raises:
        ValueError: the vocabulary lacks a special token, or has a token that cannot
            be compiled, such as one with a NUL character.
    """

    def __init__(
        self,
        vocabulary: str | os.PathLike[str] | Sequence[str],
        config: contract.TokenizerConfig,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        tokens = _tokens(vocabulary)
        self._splitter = GraphSplitter(config)
        self._max_pieces = config.max_sequence_length - 2
        self._start_id = tokens.index(contract.START)
        self._end_id = tokens.index(contract.END)
        self._counts_characters = config.spec is contract.TokenizerSpec.BERT
        self._wordpiece = _wordpiece(tokens, self._counts_characters)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenises `[B]` strings.

        Pieces beyond `max_sequence_length` are cut off, as MediaPipe does; the end
        token stays. Bytes that are not UTF-8 give unknown tokens, never an error.
        With `mediapipe` and without `normalize_unicode`, text ends at the first NUL
        character, as it does in MediaPipe.

        Returns:
            int64 `[B, (T)]`, without padding; every row has two ids or more.
        """
        words = self._splitter(texts)
        if self._counts_characters:
            words = words.with_flat_values(_without_long(words.flat_values))
        pieces = self._wordpiece.tokenize(words).merge_dims(1, 2)
        start = tf.fill([tf.size(texts), 1], tf.constant(self._start_id, tf.int64))
        end = tf.fill([tf.size(texts), 1], tf.constant(self._end_id, tf.int64))
        return tf.concat([start, pieces[:, : self._max_pieces], end], axis=1)


def _tokens(vocabulary: str | os.PathLike[str] | Sequence[str]) -> list[str]:
    if isinstance(vocabulary, str | os.PathLike):
        with tf.io.gfile.GFile(os.fspath(vocabulary), "rb") as file:
            tokens = contract.parse_lines(file.read().decode("utf-8"))
    else:
        tokens = list(vocabulary)
    needed = (contract.UNKNOWN, contract.START, contract.END)
    missing = [token for token in needed if token not in tokens]
    if missing:
        raise ValueError(
            f"The vocabulary ({len(tokens)} tokens) lacks {missing}. Learn one with "
            "model.text.wordpiece.learn_vocabulary, or add them, one token per line."
        )
    return tokens


def _without_long(words: tf.Tensor) -> tf.Tensor:
    lengths = tf.strings.length(words, unit="UTF8_CHAR")
    return tf.where(lengths > contract.MAX_WORD_CHARACTERS, contract.UNKNOWN, words)


def _wordpiece(
    tokens: list[str], counts_characters: bool
) -> tf_text.FastWordpieceTokenizer:
    # Which takes bytes; no UTF-8 character has more than four.
    limit = 4 * contract.MAX_WORD_CHARACTERS
    try:
        return tf_text.FastWordpieceTokenizer(
            tokens,
            max_bytes_per_word=limit if counts_characters else contract.MAX_WORD_BYTES,
            unknown_token=contract.UNKNOWN,
            no_pretokenization=True,
        )
    except RuntimeError as error:  # What the builder raises, for any reason.
        raise ValueError(f"The vocabulary cannot be compiled: {error}") from error


def _decoded(counts: Iterable[tuple[bytes, int]]) -> Iterable[tuple[str, int]]:
    for word, count in counts:
        try:
            yield word.decode("utf-8"), count
        except UnicodeDecodeError:  # Never matches a vocabulary made of text.
            continue
