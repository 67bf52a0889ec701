"""Every way of fine-tuning: what it trains, what it leaves, and what comes out."""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.adaptation.adapted import Adapted
from model.adaptation.config import AdaptationConfig
from model.adaptation.prompt import Prompt
from model.adaptation.trained import count_trained
from model.config import ModelConfig
from model.export import tflite
from model.training import checkpoint
from model.training.callbacks import KeepBest, Resume
from serving.edge import runtime
from tests.support.token_records import keyword_rows, padded

WIDTH, INNER, BLOCKS, CLASSES, LENGTH = 16, 32, 2, 4, 32
MODEL = ModelConfig(
    vocabulary_size=60,
    num_classes=CLASSES,
    hidden_dim=WIDTH,
    num_layers=BLOCKS,
    num_heads=2,
    intermediate_dim=INNER,
    dropout=0.0,
    max_sequence_length=LENGTH,
    normalize_first=False,
    pooling="mean",
)
PROMPT = Prompt(
    before=(2,), after=(57, 58, 4, 59, 3), mask_id=4, soft_length=0, label_pieces=()
)
HEAD = WIDTH * CLASSES + CLASSES
BLOCK = 4 * (WIDTH * WIDTH + WIDTH) + 2 * WIDTH * INNER + INNER + WIDTH + 4 * WIDTH
FULL = (60 + LENGTH + 2) * WIDTH + BLOCKS * BLOCK + HEAD
TRANSFORM = WIDTH * WIDTH + 3 * WIDTH
WAYS: dict[str, tuple[dict[str, Any], int, float]] = {
    # Settings, how many numbers are trained, and the accuracy (chance: 0.25).
    "full": ({}, FULL, 0.9),
    "head": ({}, HEAD, 0.4),
    "feed_forward": ({}, BLOCKS * (2 * WIDTH * INNER + INNER + WIDTH) + HEAD, 0.9),
    "prefix": ({"prefix_length": 3}, BLOCKS * 2 * 3 * WIDTH + HEAD, 0.5),
    "prefix network": (
        {"prefix_length": 3, "prefix_hidden_dim": 5},
        BLOCKS * (3 * WIDTH + 5 * WIDTH + 5 + 5 * 2 * WIDTH + 2 * WIDTH) + HEAD,
        0.5,
    ),
    "lora": (
        {"lora_rank": 2},
        BLOCKS * 2 * (4 * 2 * WIDTH + 2 * (WIDTH + INNER)) + HEAD,
        0.9,
    ),
    "prompt": ({}, FULL + 6 * WIDTH + TRANSFORM, 0.6),
    "prompt_tuning": ({"prompt_length": 5}, 5 * WIDTH, 0.0),
}
ROWS = keyword_rows(64, num_classes=CLASSES)
TOKEN_IDS = padded([ids for ids, _ in ROWS])
LABELS = np.array([label for _, label in ROWS])


def adapted(way: str) -> Adapted:
    settings = WAYS[way][0]
    config = AdaptationConfig(method=way.split()[0], **settings)
    prompt = dataclasses.replace(PROMPT, soft_length=config.soft_length)
    needs_prompt = config.method.reads_masked_word
    return Adapted(
        model=MODEL, adaptation=config, prompt=prompt if needs_prompt else None
    )


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model before and after, and the history of its loss and accuracy."""

    model: keras.Model
    before: dict[str, np.ndarray]
    history: dict[str, list[float]]
    exported: keras.Model


@functools.cache
def trained(way: str) -> Trained:
    keras.utils.set_random_seed(3)
    model = adapted(way).build()
    random = np.random.default_rng(0)  # Clear states, as pretrained ones are.
    for variable in model.trainable_variables:
        if "kernel" in variable.path or "embedding" in variable.path:
            variable.assign(random.normal(0, 0.4, variable.shape))
    adapted(way).prepare(model)
    before = {v.path: v.numpy() for v in model.variables}
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(TOKEN_IDS, LABELS, epochs=200, batch_size=64, verbose=0)
    return Trained(model, before, history.history, adapted(way).exported(model))


@pytest.mark.parametrize("way", WAYS)
def test_exactly_the_named_numbers_are_trained(way: str):
    found = trained(way)
    assert count_trained(found.model) == WAYS[way][1]
    slots = [v for v in found.model.optimizer.variables if len(v.shape)]
    assert sum(np.size(v) for v in slots) == 2 * WAYS[way][1]  # Adam has two.


@pytest.mark.parametrize("way", WAYS)
def test_what_is_frozen_is_bit_for_bit_the_same_after_training(way: str):
    found = trained(way)
    moves = {
        v.path: not np.array_equal(v.numpy(), found.before[v.path])
        for v in found.model.weights
    }
    still = {v.path for v in found.model.weights if not v.trainable}
    assert not [path for path in still if moves[path]]
    assert any(moves.values())


@pytest.mark.parametrize("way", WAYS)
def test_every_way_learns(way: str):
    history = trained(way).history
    assert history["loss"][-1] < history["loss"][0] * 0.98
    assert history["accuracy"][-1] > WAYS[way][2]


@pytest.mark.parametrize("way", WAYS)
def test_the_exported_model_computes_the_same_and_saves(way: str, tmp_path):
    found = trained(way)
    expected = np.asarray(found.model(TOKEN_IDS))
    np.testing.assert_allclose(found.exported(TOKEN_IDS), expected, atol=1e-4)
    found.exported.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(TOKEN_IDS), expected, atol=1e-4)


@pytest.mark.parametrize("way", ["full", "head", "feed_forward", "lora"])
def test_what_adds_nothing_is_exported_as_the_plain_classifier(way: str):
    plain = Adapted(model=MODEL).build()
    paths = [v.path for v in trained(way).exported.weights]
    assert paths == [v.path for v in plain.weights]


@pytest.mark.parametrize("way", WAYS)
def test_padding_changes_no_answer(way: str):
    exported = trained(way).exported
    longer = np.pad(TOKEN_IDS, ((0, 0), (0, LENGTH - TOKEN_IDS.shape[1])))
    np.testing.assert_allclose(exported(longer), exported(TOKEN_IDS), atol=1e-5)


@pytest.mark.parametrize("quantize", [False, True])
@pytest.mark.parametrize("way", ["full", "prefix", "prompt", "prompt_tuning"])
def test_a_device_gives_the_same_scores(way: str, quantize: bool):
    exported = trained(way).exported
    file = tflite.convert(exported, lengths=(24, LENGTH), quantize=quantize)
    package = runtime.find_runtime()
    interpreter = runtime.make_interpreter(package, model_content=file, num_threads=1)
    rows = np.pad(TOKEN_IDS[:16], ((0, 0), (0, LENGTH - TOKEN_IDS.shape[1])))
    score = interpreter.get_signature_runner(f"length_{LENGTH}")
    found = [score(token_ids=row[None])["scores"][0] for row in rows]
    expected = tf.nn.softmax(exported(rows))
    np.testing.assert_allclose(found, expected, atol=0.1 if quantize else 2e-5)


@pytest.mark.parametrize("way", ["head", "lora", "prefix", "prompt_tuning"])
def test_a_checkpoint_is_as_large_as_what_was_trained(way: str, tmp_path):
    model = trained(way).model
    for callback in (
        KeepBest(str(tmp_path), monitor="accuracy", patience=1),
        Resume(str(tmp_path)),
    ):
        callback.set_model(model)
        callback.on_epoch_end(0, {"accuracy": 0.5})
    numbers = {
        path.name: sum(v.size for v in checkpoint.load(str(path)).values)
        for path in tmp_path.iterdir()
    }
    count, others = WAYS[way][1], 20  # Generators of dropout, counts of steps.
    assert count <= numbers["best.npz"] <= count + others
    assert 3 * count <= numbers["resume.npz"] <= 3 * count + others


def test_a_method_that_reads_a_masked_word_needs_a_prompt():
    config = AdaptationConfig(method="prompt")
    with pytest.raises(ValueError, match="is prompt, which needs the template"):
        Adapted(model=MODEL, adaptation=config).build()
