"""scikit-learn's linear classifiers as one matrix over all classes of a model."""

import numpy as np
from sklearn.base import ClassifierMixin


def class_weights(
    machine: ClassifierMixin, num_classes: int, *, unseen: float, two_classes: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gives weights `[F, C]` and bias `[C]`, float32.

    Args:
        machine: fitted, with `coef_`, `intercept_` and `classes_` (columns, ascending).
        num_classes: C.
        unseen: the bias of a class that the machine has not met, with weights 0.
        two_classes: of two classes it has one row, for the second; times this it is
            the second's, and times minus this the first's.
    """
    found, intercept = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:
        signs = np.array([-two_classes, two_classes])
        found, intercept = signs[:, None] * found, signs * intercept
    weights = np.zeros((found.shape[1], num_classes), np.float32)
    bias = np.full(num_classes, unseen, np.float32)
    weights[:, machine.classes_], bias[machine.classes_] = found.T, intercept
    return weights, bias
