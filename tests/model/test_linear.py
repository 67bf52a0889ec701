import types

import numpy as np
import pytest
from scipy import special
from sklearn.svm import LinearSVC

from model.linear import class_weights

ROWS = np.random.default_rng(0).normal(size=(90, 4))


@pytest.mark.parametrize("classes", [[0, 1, 2], [1, 4, 5], [2, 3]])
def test_every_class_has_the_decision_of_the_machine(classes: list[int]) -> None:
    labels = np.array(classes)[ROWS[:, : len(classes)].argmax(axis=1)]
    machine = LinearSVC(random_state=0).fit(ROWS, labels)
    weights, bias = class_weights(machine, 6, unseen=-50.0, two_classes=1.0)
    assert (weights.shape, bias.shape) == ((4, 6), (6,))
    scores = ROWS @ weights + bias
    np.testing.assert_array_equal(scores.argmax(axis=1), machine.predict(ROWS))
    unseen = np.setdiff1d(np.arange(6), classes)
    np.testing.assert_array_equal(scores[:, unseen], -50.0)


def test_two_halves_have_the_probabilities_of_the_one_row() -> None:
    machine = types.SimpleNamespace(
        coef_=np.array([[1.0, -2.0, 0.5, 0.0]]),
        intercept_=np.array([0.3]),
        classes_=np.array([0, 1]),
    )
    weights, bias = class_weights(machine, 2, unseen=0.0, two_classes=0.5)
    np.testing.assert_allclose(
        special.softmax(ROWS @ weights + bias, axis=1)[:, 1],
        special.expit(ROWS @ machine.coef_[0] + 0.3),
        atol=1e-6,
    )
