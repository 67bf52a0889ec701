"""A small device model, made once per test process."""

import functools

import keras
import numpy as np

from model import contract
from model.config import ModelConfig
from model.encoder import scores
from model.export import tflite
from tests.support import nasty_texts
from tests.support.clear_classifier import clear_classifier

LABELS = ("card", "cash", "[b]other[/b]")
LENGTHS = (8, 16, 32)
TOKENIZER = contract.TokenizerConfig(max_sequence_length=LENGTHS[-1])


@functools.cache
def classifier() -> keras.Model:
    """A Keras classifier with weights so large that its answers are clear."""
    config = ModelConfig(
        vocabulary_size=len(nasty_texts.vocabulary()),
        num_classes=len(LABELS),
        hidden_dim=64,
        num_layers=2,
        num_heads=2,
        intermediate_dim=128,
        max_sequence_length=TOKENIZER.max_sequence_length,
    )
    return clear_classifier(config, seed=1, weight_factor=2)


@functools.cache
def converted(*, quantize: bool) -> bytes:
    """That classifier as a bare TFLite model."""
    return tflite.convert(classifier(), lengths=LENGTHS, quantize=quantize)


@functools.cache
def packed(*, quantize: bool = False) -> bytes:
    """That model with vocabulary, labels and tokeniser settings packed in."""
    return tflite.pack(
        converted(quantize=quantize),
        vocabulary=nasty_texts.vocabulary(),
        labels=LABELS,
        tokenizer_config=TOKENIZER,
    )


def token_ids() -> np.ndarray:
    """200 rows of all lengths: int32 `[200, T]`, padded."""
    rng = np.random.default_rng(0)
    ids = rng.integers(5, len(nasty_texts.vocabulary()), (200, LENGTHS[-1]), np.int32)
    lengths = rng.integers(2, LENGTHS[-1] + 1, (200, 1))
    return np.where(np.arange(LENGTHS[-1]) < lengths, ids, contract.PAD_ID)


def expected_scores() -> np.ndarray:
    """What Keras says about `token_ids()`."""
    return np.asarray(scores(classifier()(token_ids(), training=False)))
