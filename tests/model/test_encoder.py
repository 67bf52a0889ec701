"""The classifier as a whole."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from model.config import Activation, ModelConfig, Pooling
from model.encoder import build_classifier, scores

CONFIG = ModelConfig(
    vocabulary_size=50,
    num_classes=4,
    hidden_dim=16,
    num_layers=2,
    num_heads=2,
    intermediate_dim=32,
    max_sequence_length=20,
)
LIKE_BERT = dataclasses.replace(
    CONFIG,
    normalize_first=False,
    activation=Activation.GELU_TANH,
    layer_norm_epsilon=1e-12,
    embedding_dim=8,
    pooling=Pooling.CLS,
)
IDS = np.array([[2, 9, 8, 3, 0, 0], [2, 7, 6, 5, 9, 3]], "int32")


@pytest.fixture(scope="module", params=[CONFIG, LIKE_BERT], ids=["ours", "bert"])
def classifier(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_classifier(request.param)


def test_padding_does_not_change_logits(classifier: keras.Model) -> None:
    more = np.pad(IDS, ((0, 0), (0, 14)))
    np.testing.assert_allclose(classifier(more), classifier(IDS), atol=1e-5)


def test_neighbours_in_the_batch_do_not_change_logits(classifier: keras.Model) -> None:
    alone = classifier(IDS[:1, :4])
    np.testing.assert_allclose(classifier(IDS)[:1], alone, atol=1e-5)


def test_order_of_the_words_changes_logits(classifier: keras.Model) -> None:
    swapped = IDS[:, [0, 2, 1, 3, 4, 5]]
    assert np.abs(classifier(swapped) - classifier(IDS)).max() > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_under_every_policy(dtype: str) -> None:
    model = build_classifier(CONFIG, dtype=dtype)
    assert model(IDS).dtype == "float32"
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)


@pytest.mark.parametrize("config", [CONFIG, LIKE_BERT])
def test_half_precision_gives_nearly_the_same_scores(config: ModelConfig) -> None:
    full = build_classifier(config)
    half = build_classifier(config, dtype="mixed_bfloat16")
    half.set_weights(full.get_weights())
    np.testing.assert_allclose(scores(half(IDS)), scores(full(IDS)), atol=0.02)


@pytest.mark.parametrize("config", [CONFIG, LIKE_BERT])
def test_config_counts_the_matrices_that_are_built(config: ModelConfig) -> None:
    one = dataclasses.replace(config, pooling=Pooling.MEAN)
    matrices = [w for w in build_classifier(one).weights if len(w.shape) == 2]
    assert one.weights == sum(np.prod(matrix.shape) for matrix in matrices)


def test_scores_are_probabilities_in_float32(classifier: keras.Model) -> None:
    values = scores(keras.ops.cast(classifier(IDS), "float16"))
    assert values.dtype == "float32"
    np.testing.assert_allclose(np.sum(values, axis=-1), 1, atol=1e-6)


def test_classifier_survives_saving(classifier: keras.Model, tmp_path: Path) -> None:
    classifier.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IDS), classifier(IDS))


def test_dropout_acts_in_training_only(classifier: keras.Model) -> None:
    plain = np.asarray(classifier(IDS))
    np.testing.assert_array_equal(classifier(IDS, training=False), plain)
    assert np.abs(classifier(IDS, training=True) - plain).max() > 1e-3


def test_head_of_pretrained_weights_starts_small() -> None:
    wide = dataclasses.replace(LIKE_BERT, hidden_dim=64)
    kernel = np.asarray(build_classifier(wide).get_layer("logits").kernel)
    # glorot_uniform would give a deviation of 0.17.
    assert 0.01 < kernel.std() < 0.03
