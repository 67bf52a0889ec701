"""What a student loses: against its teacher, against the label, row by row."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.training.distillation import DistillationLoss, LabelAccuracy, target
from model.training.losses import SmoothedCrossentropy

B, C = 6, 4
CHANCE = np.random.default_rng(3)
LOGITS = CHANCE.normal(size=(B, C)).astype(np.float32)
TEACHER = np.log(CHANCE.dirichlet(np.ones(C), size=B)).astype(np.float16)
LABELS = np.array([0, 3, contract.NO_LABEL_ID, 1, 2, contract.NO_LABEL_ID])


def targets(labels: np.ndarray = LABELS) -> tf.Tensor:
    return target(tf.constant(labels), tf.constant([r.tobytes() for r in TEACHER]), C)


def softmax(values: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp(values.astype(np.float64) / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def expected(weight: float, temperature: float, smoothing: float) -> np.ndarray:
    """The loss of each row, from its definition."""
    p, q = softmax(TEACHER, temperature), softmax(LOGITS, temperature)
    of_teacher = temperature**2 * (p * np.log(p / q)).sum(axis=1)
    one_hot = np.eye(C)[LABELS] * (1 - smoothing) + smoothing / C
    of_label = -(one_hot * np.log(softmax(LOGITS, 1))).sum(axis=1)
    return (1 - weight) * (LABELS >= 0) * of_label + weight * of_teacher


@pytest.mark.parametrize(
    ("weight", "temperature", "smoothing"), [(0.7, 3.0, 0.1), (1.0, 1.0, 0.0)]
)
def test_loss_is_what_its_definition_says(
    weight: float, temperature: float, smoothing: float
) -> None:
    loss = DistillationLoss(weight, temperature, smoothing, reduction=None)
    np.testing.assert_allclose(
        loss(targets(), LOGITS), expected(weight, temperature, smoothing), atol=1e-5
    )


def test_targets_without_a_teacher_have_plain_crossentropy() -> None:
    labels = np.abs(LABELS)
    found = DistillationLoss(0.7, 3.0, 0.1)(labels, LOGITS)
    assert float(found) == pytest.approx(
        float(SmoothedCrossentropy(0.1)(labels, LOGITS))
    )


def test_a_teacher_that_is_sure_gives_no_nan() -> None:
    sure = np.full((B, C), -60000, np.float16)
    sure[:, 0] = 0
    scores = tf.constant([row.tobytes() for row in sure])
    found = DistillationLoss(0.5, 1.0)(target(LABELS, scores, C), LOGITS)
    assert np.isfinite(float(found))


def test_a_teacher_of_other_classes_is_an_error() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible"):
        target(LABELS, tf.constant([r.tobytes() for r in TEACHER]), C + 1)


def test_label_ids_are_exact_next_to_scores() -> None:
    labels = np.array([999_999, 0, -1, 16_777_215, 1, 2])
    assert np.asarray(targets(labels))[:, 0].astype(int).tolist() == labels.tolist()


def test_accuracy_counts_rows_with_a_label_alone() -> None:
    logits = np.eye(C)[[0, 0, 1, 1, 2, 3]]  # Wrong in the second row.
    with_teacher, without = LabelAccuracy(), LabelAccuracy()
    with_teacher.update_state(targets(), logits)
    without.update_state(np.array([0, 1, 1, 1, 2, 3]), logits)
    assert float(with_teacher.result()) == 0.75
    assert float(without.result()) == pytest.approx(5 / 6)


def test_loss_survives_being_saved() -> None:
    loss = DistillationLoss(0.7, 3.0, 0.1)
    twin = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(twin(targets(), LOGITS)) == float(loss(targets(), LOGITS))
