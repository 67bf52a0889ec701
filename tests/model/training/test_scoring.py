"""After training: which scores get which meaning, on the validation split."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.config import ScoringConfig
from model.training import calibration, scoring
from model.training.train import TrainingJob
from tests.support.clear_classifier import clear_classifier
from tests.support.replica_training import MODEL, TRAINING
from tests.support.token_records import keyword_rows, padded, write_token_records

ROWS = keyword_rows(60, seed=9)
LABELS = ["a", "b", "c", "oos"]
IDS = padded([ids for ids, _ in ROWS])
TRUE = np.array([label_id for _, label_id in ROWS])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    path = write_token_records(tmp_path_factory.mktemp("rows") / "rows.gz", ROWS)
    return TrainingJob(
        train_pattern=path,
        validation_pattern=path,
        model=MODEL,
        training=TRAINING,
        strategy=tf.distribute.get_strategy(),
    )


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    return clear_classifier(MODEL, seed=5, weight_factor=3)


def scores_of(model: keras.Model) -> np.ndarray:
    return keras.ops.softmax(model(IDS, training=False)).numpy()


def test_whoever_wants_no_meaning_gets_the_model_as_it_is(
    job: TrainingJob, classifier: keras.Model
) -> None:
    config = ScoringConfig(calibrate=False)
    found = scoring.with_meaning(classifier, job, config, LABELS)
    assert found.model is classifier
    assert found.calibration is found.rejection is None


def test_the_temperature_fits_the_validation_rows_whatever_their_order(
    job: TrainingJob, classifier: keras.Model
) -> None:
    found = scoring.with_meaning(classifier, job, ScoringConfig(), LABELS)
    logits = np.asarray(classifier(IDS, training=False))
    expected = calibration.fit_temperature(logits, TRUE)
    assert found.calibration is not None
    assert found.calibration.temperature == pytest.approx(expected, rel=1e-3)
    assert found.calibration.rows == len(ROWS)
    assert found.model.count_params() == classifier.count_params()
    np.testing.assert_array_equal(
        scores_of(found.model).argmax(axis=1), logits.argmax(axis=1)
    )
    assert found.rejection is None


@pytest.mark.parametrize("calibrate", [True, False])
def test_the_threshold_is_one_of_the_scores_that_are_exported(
    calibrate: bool, job: TrainingJob, classifier: keras.Model
) -> None:
    config = ScoringConfig(calibrate=calibrate, reject=0.05)
    found = scoring.with_meaning(classifier, job, config, LABELS)
    scores = scores_of(found.model)
    is_right = scores.argmax(axis=1) == TRUE
    assert found.rejection is not None
    is_lost = is_right & (scores.max(axis=1) < found.rejection.threshold)
    assert is_lost.sum() == 3
    assert found.rejection.label is None


def test_the_label_out_of_scope_is_found_by_its_name(
    job: TrainingJob, classifier: keras.Model
) -> None:
    config = ScoringConfig(reject=0.0, reject_label="oos")
    found = scoring.with_meaning(classifier, job, config, LABELS)
    scores = scores_of(found.model)
    is_right = (scores.argmax(axis=1) == TRUE) & (LABELS.index("oos") != TRUE)
    assert found.rejection is not None
    assert found.rejection.label == "oos"
    assert found.rejection.threshold <= scores.max(axis=1)[is_right].min() + 1e-6
    balanced = ScoringConfig(reject_label="oos")
    assert scoring.with_meaning(classifier, job, balanced, LABELS).rejection is not None
