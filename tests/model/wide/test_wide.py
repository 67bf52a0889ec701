"""The wide branch: the graph computes what was learnt, and joining never loses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import contract, encoder
from model.config import ModelConfig
from model.export import tflite
from model.wide import fit as fitting
from model.wide.features import WideFeatures
from model.wide.join import join, shares
from tests.support.token_records import keyword_rows, padded

WORDS = [f"word{number}" for number in range(40)] + ["##ing", "##ed", "é", "銀"]
VOCABULARY = [*contract.SPECIAL_TOKENS, *WORDS]
NUM_CLASSES = 4


def rows_of(count: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    pairs = [
        ([i if i < len(VOCABULARY) else i - 20 for i in ids], label)
        for ids, label in keyword_rows(count, seed=seed)
    ]
    rows = [np.array(ids) for ids, _ in pairs]
    return rows, np.array([label for _, label in pairs])


def sized(num_classes: int) -> ModelConfig:
    return ModelConfig(vocabulary_size=len(VOCABULARY), num_classes=num_classes)


@pytest.fixture(scope="module")
def wide() -> fitting.WideScores:
    layer = fitting.fit(*rows_of(300), VOCABULARY, sized(NUM_CLASSES))
    assert layer is not None
    return layer


def test_graph_computes_the_features_times_the_weights() -> None:
    rows, label_ids = rows_of(200)
    features = WideFeatures.of(rows, VOCABULARY, 64, seed=0)
    weights, bias = fitting._svm(features, rows, label_ids, NUM_CLASSES)
    unseen, _ = rows_of(50, seed=1)
    expected = features.matrix(unseen) @ weights + bias
    layer = fitting._layer(features, weights, bias)
    np.testing.assert_allclose(layer(padded(unseen)), expected, atol=1e-4)


def test_padding_does_not_change_the_logits(wide: fitting.WideScores) -> None:
    batch = padded(rows_of(8)[0])
    longer = np.pad(batch, ((0, 0), (0, 9)))
    np.testing.assert_allclose(wide(batch), wide(longer), atol=1e-6)


def test_text_without_a_token_gives_the_bias(wide: fitting.WideScores) -> None:
    start, end = (contract.SPECIAL_TOKENS.index(t) for t in ("[CLS]", "[SEP]"))
    logits = wide(np.array([[start, end, 0, 0]]))
    assert np.isfinite(logits).all()


def test_linear_model_finds_the_word_that_names_the_class(
    wide: fitting.WideScores,
) -> None:
    rows, label_ids = rows_of(100, seed=3)
    assert (np.argmax(wide(padded(rows)), axis=1) == label_ids).mean() > 0.9


def test_two_labels_have_a_logit_each() -> None:
    rows, label_ids = rows_of(120)
    layer = fitting.fit(rows, label_ids % 2, VOCABULARY, sized(2))
    assert layer is not None
    logits = layer(padded(rows))
    assert logits.shape == (120, 2)
    assert (np.argmax(logits, axis=1) == label_ids % 2).mean() > 0.9


def test_label_without_rows_is_never_chosen() -> None:
    layer = fitting.fit(*rows_of(120), VOCABULARY, sized(NUM_CLASSES + 1))
    assert layer is not None
    assert NUM_CLASSES not in np.argmax(layer(padded(rows_of(50, seed=5)[0])), axis=1)


def test_rows_of_one_label_have_no_linear_model() -> None:
    rows, label_ids = rows_of(20)
    assert fitting.fit(rows, label_ids * 0, VOCABULARY, sized(NUM_CLASSES)) is None


def test_tables_stay_within_what_a_device_has_room_for() -> None:
    room = 3_000_000
    for tokens, classes in ((24_000, 7), (5_000, 151), (3_000, 2), (8_000, 77)):
        pairs = fitting.num_pairs(tokens, classes, 10**7, room)
        assert pairs is not None
        of_a_row = classes + 1 + 4  # The logits, a length, a float32 scale.
        assert tokens * (of_a_row + 8) + pairs * of_a_row <= room
    assert fitting.num_pairs(8_000, 1_500, 10**7, room) is None
    assert fitting.num_pairs(100, 2, 5_000, room) == 8192


def test_a_larger_encoder_leaves_less_room() -> None:
    words = ["wörter"] * 1000  # Seven bytes, and the end of the line.
    assert fitting.room_for(words, 3_000_000) == 1_392_000
    assert fitting.room_for(words, 100_000_000) == 1_000_000


def test_better_part_gets_the_say() -> None:
    random = np.random.default_rng(0)
    label_ids = random.integers(5, size=400)
    right = np.eye(5)[label_ids] + random.normal(0, 0.1, (400, 5))
    noise = random.normal(0, 1, (400, 5))
    of_deep, of_wide = shares(right, noise, label_ids)
    assert of_deep > 5 * of_wide
    of_deep, of_wide = shares(noise, right, label_ids)
    assert of_wide > 5 * of_deep


def test_few_rows_move_the_shares_little() -> None:
    logits = np.array([[9.0, 0.0]])
    of_deep, of_wide = shares(logits, -logits, np.array([0]))
    assert 0.25 < of_deep < 2
    assert 1 < of_wide < 8


# tf.lite.Interpreter will move to ai-edge-litert one day; until then it counts.
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_joined_model_saves_and_becomes_a_device_file(
    wide: fitting.WideScores, tmp_path
) -> None:
    config = ModelConfig(
        vocabulary_size=len(VOCABULARY),
        num_classes=NUM_CLASSES,
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=8,
        max_sequence_length=24,
    )
    rows, label_ids = rows_of(64, seed=7)
    batch = padded(rows)
    batches = tf.data.Dataset.from_tensors((batch, label_ids))
    joined = join(encoder.build_classifier(config), wide, batches)
    assert (
        joined.accuracy == (joined.model(batch).numpy().argmax(1) == label_ids).mean()
    )
    assert joined.accuracy >= joined.wide_accuracy > joined.encoder_accuracy
    joined.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(batch), joined.model(batch), atol=1e-5)
    content = tflite.convert(loaded, lengths=(24,), quantize=True)
    interpreter = tf.lite.Interpreter(model_content=content)
    score = interpreter.get_signature_runner("length_24")
    found = [
        score(token_ids=np.pad(row, (0, 24 - len(row)))[None].astype(np.int32))
        for row in rows
    ]
    best = [answer["scores"].argmax() for answer in found]
    assert (best == joined.model(batch).numpy().argmax(1)).mean() > 0.95
