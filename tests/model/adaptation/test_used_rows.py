"""Of a pretrained table of word pieces only the rows that texts use are trained."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from model.adaptation.adapted import Adapted
from model.adaptation.config import AdaptationConfig
from model.config import ModelConfig, TrainingConfig
from model.pretrained.architecture import model_settings
from model.pretrained.folder import PretrainedFolder
from model.training.optimizers.build import build_optimizer
from tests.support.pretrained.folders import TOKENS, write_folder

USED = (2, 3, 4, 9, 30, 31)
TOKEN_IDS = np.array([[3, 9, 30, 4], [3, 31, 9, 4], [3, 2, 4, 0]], np.int32)
UNSEEN = np.array([[3, 60, 9, 12, 4]], np.int32)
LABELS = np.array([0, 1, 1])


@pytest.fixture
def whole(tmp_path: Path) -> Adapted:
    write_folder(tmp_path)
    folder = PretrainedFolder.open(tmp_path)
    config = ModelConfig(
        vocabulary_size=len(TOKENS),
        num_classes=2,
        max_sequence_length=24,
        **model_settings(folder) | {"dropout": 0.0},
    )
    return Adapted(model=config, pretrained=folder)


def trained(adapted: Adapted) -> keras.Model:
    """After five steps at a rate that moves every row visibly."""
    model = adapted.start()
    head = model.get_layer("logits").kernel
    head.assign(np.random.default_rng(1).normal(0, 0.1, head.shape))
    settings = TrainingConfig(learning_rate=0.01, weight_decay=0.0, clip_norm=0.1)
    model.compile(
        build_optimizer(settings, 5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for _ in range(5):
        model.train_on_batch(TOKEN_IDS, LABELS)
    return model


def test_used_rows_are_trained_as_they_would_be_in_the_whole_table(whole: Adapted):
    some = dataclasses.replace(whole, used_ids=USED)
    expected, found = (each.exported(trained(each)) for each in (whole, some))
    for ours, theirs in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5, err_msg=ours.path)


def test_the_trained_and_the_exported_model_say_the_same_of_unseen_pieces(
    whole: Adapted,
):
    some = dataclasses.replace(whole, used_ids=USED)
    model = trained(some)
    exported = some.exported(model)
    assert isinstance(exported.get_layer("token_embedding"), keras.layers.Embedding)
    np.testing.assert_allclose(model(UNSEEN), exported(UNSEEN), atol=1e-6)


def test_rows_of_no_text_keep_their_pretrained_values(whole: Adapted):
    some = dataclasses.replace(whole, used_ids=USED)
    rows = [
        model.get_layer("token_embedding").embeddings.numpy()
        for model in (whole.start(), some.exported(trained(some)))
    ]
    changed = np.flatnonzero((rows[0] != rows[1]).any(axis=1))
    assert changed.tolist() == list(USED)


def slots(adapted: Adapted) -> int:
    """How many numbers of the table have an optimizer state."""
    table = adapted.start().get_layer("token_embedding")
    return sum(int(np.prod(each.shape)) for each in table.trainable_variables)


@pytest.mark.parametrize(
    ("method", "used", "trained_rows"),
    [
        ("full", USED, len(USED)),
        ("full", (), len(TOKENS)),
        # A second table of most rows costs more than it saves.
        ("full", tuple(range(40)), len(TOKENS)),
        ("lora", USED, 0),
    ],
)
def test_rows_have_a_table_of_their_own_where_it_saves_something(
    whole: Adapted, method: str, used: tuple[int, ...], trained_rows: int
):
    adaptation = AdaptationConfig(method=method)
    adapted = dataclasses.replace(whole, adaptation=adaptation, used_ids=used)
    assert slots(adapted) == trained_rows * whole.model.hidden_dim


def test_half_precision_reads_the_tables_in_full(whole: Adapted):
    some = dataclasses.replace(whole, used_ids=USED)
    table = some.start("mixed_bfloat16").get_layer("token_embedding")
    assert table(TOKEN_IDS).dtype == "bfloat16"
    assert table.used_embeddings.dtype == "float32"
