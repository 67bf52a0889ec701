"""The plain data behind the report."""

import dataclasses
import json

import numpy as np
import pytest

from pipeline.report.results import RunResults, TrainingSummary
from tests.support.pipeline.run_results import run_results, with_evaluation


def test_json_round_trip_keeps_everything():
    results = run_results()
    assert RunResults.from_json(results.to_json()) == results


def test_json_round_trip_keeps_what_is_missing():
    results = with_evaluation(run_results(), live=None, top_ids=())
    results = dataclasses.replace(results, variants=())
    assert RunResults.from_json(results.to_json()) == results


def test_json_round_trip_keeps_top_ids_and_foreign_letters():
    rows = run_results(rows=4)
    changed = with_evaluation(
        rows, texts=("مرحبا", "🎉", "<b>", "\u2028"), top_ids=[[0, 1]] * 4
    )
    assert RunResults.from_json(changed.to_json()) == changed
    assert "مرحبا" in changed.to_json()


def test_numpy_values_are_taken_like_python_ones():
    results = run_results(rows=10)
    evaluation = results.evaluation
    from_arrays = with_evaluation(
        results,
        true_ids=np.asarray(evaluation.true_ids, np.int32),
        predicted_ids=np.asarray(evaluation.predicted_ids),
        confidences=np.asarray(evaluation.confidences),
    )
    assert from_arrays == results
    history = ({"epoch": 1, "loss": np.float32(0.5)},)
    training = TrainingSummary(history=history, best_epoch=1, parameters=1)
    written = dataclasses.replace(results, training=training).to_json()
    assert json.loads(written)["training"]["history"] == [{"epoch": 1, "loss": 0.5}]


def test_unknown_key_is_an_error():
    written = json.loads(run_results().to_json())
    written["run"]["colour"] = "blue"
    with pytest.raises(TypeError, match="colour"):
        RunResults.from_json(json.dumps(written))


def test_value_that_json_does_not_know_is_an_error():
    results = run_results()
    settings = {"when": object()}
    training = dataclasses.replace(results.training, settings=settings)
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        dataclasses.replace(results, training=training).to_json()


@pytest.mark.parametrize("name", ["predicted_ids", "confidences", "texts", "top_ids"])
def test_columns_of_unequal_length_are_an_error(name):
    short = {"texts": ("one",), "top_ids": ((0,),)}.get(name, (0,))
    with pytest.raises(ValueError, match=f"{name} has 1 rows but true_ids has 200"):
        with_evaluation(run_results(), **{name: short})


@pytest.mark.parametrize("bad_id", [-1, 5])
def test_id_that_is_no_class_is_an_error(bad_id):
    with pytest.raises(ValueError, match=f"holds {bad_id}, but there are 5 labels"):
        with_evaluation(run_results(rows=1), predicted_ids=(bad_id,))
