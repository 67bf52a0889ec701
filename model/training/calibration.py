"""Temperature scaling: after training, the scores are made to mean something.

Guo et al. 2017, "On Calibration of Modern Neural Networks": one number divides all
logits, so no answer changes. It is chosen on the validation split, whose rows trained
nothing. Label smoothing makes a model less sure than it should be, so that the
temperature is usually below 1.
"""

import dataclasses

import keras
import numpy as np

from model.training.reliability import ScoreQuality, softmax

LAYER = "temperature"
"""Name of the last layer of a calibrated classifier."""
_LOWEST, _HIGHEST = 0.05, 20.0
_PRIOR_SPREAD = 1.0
"""Of the temperature's logarithm, before any row is seen."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """The temperature, and what it did for the `rows` rows that it was chosen on."""

    temperature: float
    rows: int
    before: ScoreQuality
    after: ScoreQuality


def fit(logits: np.ndarray, label_ids: np.ndarray) -> Calibration:
    """Finds the temperature for logits `[N, C]` of rows of known classes `[N]`."""
    temperature = fit_temperature(logits, label_ids)
    return Calibration(
        temperature=temperature,
        rows=len(logits),
        before=ScoreQuality.of(softmax(logits), label_ids),
        after=ScoreQuality.of(softmax(logits / temperature), label_ids),
    )


def fit_temperature(logits: np.ndarray, label_ids: np.ndarray) -> float:
    """Finds the temperature, between 0.05 and 20, at which the rows are likeliest.

    Few rows, or rows that are all right, must not ask for an absurd one:

    - N rows cannot show that an answer is surer than N+1 in N+2. So each true class
      weighs that much, and all classes share the rest (Platt 1999, "Probabilistic
      outputs for support vector machines").
    - Before any row is seen the temperature is likely near 1: its logarithm has a
      normal distribution. A dozen rows outweigh that; two do not.

    1, where there are no rows or the logits are not finite.
    """
    from scipy import optimize  # It takes a moment, and only training needs it.

    if not len(logits) or not np.isfinite(logits).all():
        return 1.0

    def unlikelihood(log_temperature: float) -> float:
        likelihood = _log_likelihood(logits, label_ids, np.exp(log_temperature))
        return (log_temperature / _PRIOR_SPREAD) ** 2 / 2 - likelihood

    bounds = np.log([_LOWEST, _HIGHEST])
    found = optimize.minimize_scalar(unlikelihood, bounds=bounds, method="bounded")
    # A search that went astray must not leave the scores worse than they were.
    return float(np.exp(found.x)) if found.fun < unlikelihood(0.0) else 1.0


def _log_likelihood(
    logits: np.ndarray, label_ids: np.ndarray, temperature: float
) -> float:
    rows = len(logits)
    doubt = 1 / (rows + 2)
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    log_scores = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    of_true = log_scores[np.arange(rows), label_ids].sum()
    return float((1 - doubt) * of_true + doubt * log_scores.mean(axis=1).sum())


def at_temperature(classifier: keras.Model, temperature: float) -> keras.Model:
    """Gives the classifier, with the same weights, whose logits are divided.

    The layer has no weights and is one multiplication, so that every export has it,
    and Keras loads it without knowing this package.
    """
    layer = keras.layers.Rescaling(1 / temperature, dtype="float32", name=LAYER)
    return keras.Model(classifier.input, layer(classifier.output), name=classifier.name)
