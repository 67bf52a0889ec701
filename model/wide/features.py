"""What the wide branch sees of a text, computed from token ids alone.

Three kinds of features, as in the linear models that do well on short texts: every
token, the character n-grams inside it, and every pair of neighbours. A token's own
feature and its n-grams depend on the token only, so that their weights can be added up
into one row per token; pairs share rows of a table, which two random numbers per token
choose (feature hashing, Weinberger et al. 2009, arXiv 0902.2206).

Shapes: R rows, V vocabulary, G n-grams, P rows of the table of pairs.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from model import contract

Rows = Sequence[np.ndarray]
"""Token ids of each text, with start and end token, without padding."""

_GRAM_SIZES = range(2, 6)
_CONTINUED = "##"
_NOT_IN_TEXT = (contract.PAD, contract.START, contract.END)
_WORD_START, _TOKEN_END = "^", "$"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WideFeatures:
    """How token ids become features.

    `grams` `[V, V + G]` has in each row the weight of a token itself and of its
    n-grams; `pair_weights` `[P]` are those of pairs. Weights are inverse document
    frequencies (Spärck Jones 1972). A pair stands in row `(first[a] + second[b]) % P`.
    """

    grams: sp.csr_matrix
    pair_weights: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(
        cls, rows: Rows, vocabulary: Sequence[str], num_pairs: int, seed: int
    ) -> "WideFeatures":
        """Chooses the tables' random numbers and learns the weights on some rows."""
        draws = np.random.default_rng(seed)
        first, second = draws.integers(num_pairs, size=(2, len(vocabulary)))
        tokens = _counts(rows, len(vocabulary))
        pairs = _pair_counts(rows, first, second, num_pairs)
        return cls(
            grams=_weighted_grams(vocabulary, tokens),
            pair_weights=_inverse_document_frequency(pairs),
            first=first.astype(np.int32),
            second=second.astype(np.int32),
        )

    @property
    def token_norms(self) -> np.ndarray:
        """The squared length of each token's features, `[V]`."""
        return np.asarray(self.grams.multiply(self.grams).sum(axis=1)).ravel()

    def matrix(self, rows: Rows) -> sp.csr_matrix:
        """Gives `[R, V + G + P]`: one part for tokens, one for pairs, of length 1.

        The length is that of parts at right angles to each other, which a graph can
        add up: the root of the sum of the squared lengths.
        """
        tokens = _counts(rows, self.grams.shape[0])
        pairs = _pair_counts(rows, self.first, self.second, len(self.pair_weights))
        of_tokens = _scaled(tokens @ self.grams, tokens @ self.token_norms)
        of_pairs = _scaled(
            pairs @ sp.diags(self.pair_weights), pairs @ self.pair_weights**2
        )
        return sp.hstack([of_tokens, of_pairs]).tocsr()


def _weighted_grams(vocabulary: Sequence[str], tokens: sp.csr_matrix) -> sp.csr_matrix:
    grams = _grams_of(vocabulary)
    # A text has an n-gram once, in however many of its tokens.
    in_texts = (tokens > 0).astype(np.float64) @ grams
    # Every text has a start and an end, and in a batch padding: they say nothing.
    counts = [token not in _NOT_IN_TEXT for token in vocabulary]
    own = sp.diags(_inverse_document_frequency(tokens) * counts).tocsr()
    shared = grams @ sp.diags(_inverse_document_frequency(in_texts))
    return sp.hstack([own, shared]).tocsr()


def _grams_of(vocabulary: Sequence[str]) -> sp.csr_matrix:
    """Marks each token's n-grams, `[V, G]`; special tokens have none."""
    columns: dict[str, int] = collections.defaultdict(lambda: len(columns))
    found = [sorted({columns[gram] for gram in _grams(token)}) for token in vocabulary]
    lengths = [0, *map(len, found)]
    flat = np.concatenate([np.array(each, np.int64) for each in found])
    shape = (len(vocabulary), len(columns))
    return sp.csr_matrix((np.ones(len(flat)), flat, np.cumsum(lengths)), shape)


def _grams(token: str) -> list[str]:
    if token in contract.SPECIAL_TOKENS:
        return []
    continued = token.startswith(_CONTINUED)
    text = token.removeprefix(_CONTINUED) if continued else _WORD_START + token
    text += _TOKEN_END
    return [
        text[start : start + size]
        for size in _GRAM_SIZES
        for start in range(len(text) - size + 1)
    ]


def _counts(rows: Rows, vocabulary_size: int) -> sp.csr_matrix:
    """Counts the tokens of each row, without its start and its end, `[R, V]`."""
    return _sparse([row[1:-1] for row in rows], vocabulary_size)


def _pair_counts(
    rows: Rows, first: np.ndarray, second: np.ndarray, num_pairs: int
) -> sp.csr_matrix:
    """Counts the pairs of each row, with its start and its end, `[R, P]`."""
    pairs = [(first[row[:-1]] + second[row[1:]]) % num_pairs for row in rows]
    return _sparse(pairs, num_pairs)


def _sparse(rows: Rows, width: int) -> sp.csr_matrix:
    starts = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([*rows, np.zeros(0, np.int64)]).astype(np.int64)
    counts = sp.csr_matrix((np.ones(len(columns)), columns, starts), (len(rows), width))
    counts.sum_duplicates()
    return counts


def _inverse_document_frequency(counts: sp.csr_matrix) -> np.ndarray:
    """As scikit-learn smooths it: as if one more text had everything."""
    in_texts = np.asarray((counts > 0).sum(axis=0)).ravel()
    return np.log((1 + counts.shape[0]) / (1 + in_texts)) + 1


def _scaled(features: sp.csr_matrix, squared_lengths: np.ndarray) -> sp.csr_matrix:
    return sp.diags(1 / np.sqrt(squared_lengths + SMALLEST_NORM)) @ features


SMALLEST_NORM = 1e-6
"""Of a text without features, so that nothing is divided by zero."""
