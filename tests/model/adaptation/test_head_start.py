"""A new head begins with what can be read from the frozen encoder."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.adaptation.head_start import fit_head
from model.config import ModelConfig
from model.encoder import build_classifier
from tests.support.token_records import keyword_rows, padded


def model_of(num_classes: int) -> keras.Model:
    keras.utils.set_random_seed(2)
    config = ModelConfig(
        vocabulary_size=60,
        num_classes=num_classes,
        hidden_dim=32,
        num_layers=1,
        num_heads=2,
        intermediate_dim=32,
    )
    model = build_classifier(config)
    table = model.get_layer("token_embedding").embeddings
    table.assign(np.random.default_rng(0).normal(0, 1, table.shape))
    return model


def batches(
    num_classes: int, labels: dict[int, int] | None = None
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Some batches of 40 rows; `labels` replaces some."""
    rows = keyword_rows(240, num_classes=num_classes)
    for start in range(0, 240, 40):
        ids, label_ids = zip(*rows[start : start + 40], strict=True)
        label_ids = [(labels or {}).get(each, each) for each in label_ids]
        yield tf.constant(padded(ids)), tf.constant(label_ids, tf.int32)


def accuracy(model: keras.Model, num_classes: int) -> float:
    found = [
        np.asarray(model(ids)).argmax(axis=1) == label_ids
        for ids, label_ids in batches(num_classes)
    ]
    return float(np.concatenate(found).mean())


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_head_fits_and_the_encoder_is_as_it_was(num_classes: int) -> None:
    model = model_of(num_classes)
    before = {v.path: v.numpy() for v in model.weights}
    assert accuracy(model, num_classes) < 0.7
    assert fit_head(model, batches(num_classes))
    assert accuracy(model, num_classes) > 0.85
    changed = {
        v.path for v in model.weights if not np.array_equal(v.numpy(), before[v.path])
    }
    assert changed == {"logits/kernel", "logits/bias"}


def test_a_class_without_rows_starts_as_an_unlikely_one() -> None:
    model = model_of(5)
    fit_head(model, batches(4))
    scores = np.concatenate([np.asarray(model(ids)) for ids, _ in batches(4)])
    assert not (scores.argmax(axis=1) == 4).any()
    assert np.isfinite(scores).all()


def test_rows_without_a_label_teach_nothing() -> None:
    model, other = model_of(4), model_of(4)
    fit_head(model, batches(4, {3: contract.NO_LABEL_ID}))
    fit_head(other, [(i, y) for i, y in _without(batches(4), 3)])
    np.testing.assert_allclose(
        model.get_layer("logits").kernel, other.get_layer("logits").kernel, atol=1e-4
    )


def _without(
    rows: Iterator[tuple[tf.Tensor, tf.Tensor]], label: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    for ids, label_ids in rows:
        kept = label_ids.numpy() != label
        yield tf.constant(ids.numpy()[kept]), tf.constant(label_ids.numpy()[kept])


def test_rows_of_one_class_leave_the_head_as_it_is() -> None:
    model = model_of(4)
    before = model.get_layer("logits").kernel.numpy()
    assert not fit_head(model, batches(4, {1: 0, 2: 0, 3: 0}))
    np.testing.assert_array_equal(model.get_layer("logits").kernel.numpy(), before)
