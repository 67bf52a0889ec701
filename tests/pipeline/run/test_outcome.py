"""What a report says of a run: each number from the node that measured it."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import standard_artifacts

from components import evaluation_metrics
from components.artifacts import write_json
from model import contract
from pipeline.config import (
    PUSHED_EDGE_MODEL,
    PUSHED_MODEL,
    PUSHER,
    PipelineConfig,
    RunConfig,
)
from pipeline.data.dataset import Dataset
from pipeline.data.notes import Note
from pipeline.nodes.create import LIVE_MODEL
from pipeline.report import results
from pipeline.report.results import Check, Rejection, RunInfo
from pipeline.run.node_runner import NodeRun
from pipeline.run.outcome import Outcome, read_anomalies
from pipeline.teacher import Teacher
from tests.support.labelled_rows import scored_rows
from tests.support.token_records import write_token_records

METRICS = {"accuracy": 0.75, "macro_f1": 0.7, "example_count": 4.0}
LIVE_METRICS = {"accuracy": 0.8, "macro_f1": 0.6}
HISTORY = {
    "history": [{"loss": 2.0, "val_accuracy": 0.4}, {"loss": 1.0, "val_accuracy": 0.6}],
    "best_epoch": 2,
    "best_accuracy": 0.6,
    "train_s": 3.0,
    "parameters": 1234,
    "vocabulary_size": 77,
}
VERDICT = {
    "blessed": True,
    "engine": "embedded",
    "rows": 4,
    "wrong_labels": 0,
    "max_score_difference": 1e-5,
    "reason": "",
}
DEVICE_FILE = {
    "name": "model.tflite",
    "size_bytes": 10,
    "runtime": "tflite 2.14",
    "latency_p50_ms": 1.0,
    "latency_p99_ms": 2.0,
    "accuracy": 0.75,
    "agreement": 1.0,
    "max_score_difference": 3.14e-6,
}
LINEAR = {"accuracy": 0.7, "macro_f1": 0.65, "seconds": 2.0, "note": "a note"}
OUTPUTS = {
    "ExampleValidator": ("anomalies", standard_artifacts.ExampleAnomalies),
    "TextTransform": ("transformed_examples", standard_artifacts.Examples),
    "Trainer": ("model", standard_artifacts.Model),
    "BatchPredictor": ("predictions", standard_artifacts.Model),
    "LinearBaseline": ("report", standard_artifacts.Model),
    "Evaluator": ("evaluation", standard_artifacts.ModelEvaluation),
    LIVE_MODEL: ("model", standard_artifacts.Model),
    "ModelServerValidator": ("report", standard_artifacts.Model),
    "EdgeExporter": ("report", standard_artifacts.Model),
    PUSHER: (PUSHED_MODEL, standard_artifacts.PushedModel),
}
MakeOutcome = Callable[..., Outcome]


def dataset() -> Dataset:
    return Dataset(
        source="rows.csv",
        splits={
            contract.TRAIN: [("one", "a"), ("three", "b"), ("five5", "c"), ("x", "a")],
            contract.VALIDATION: [("two", "a")],
            contract.TEST: [("four", "b"), ("six", "c")],
        },
        dropped={"empty_text": 2},
    )


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, NodeRun]:
    """What the nodes of one run left behind, small and whole."""
    runs = {}
    for number, (node_id, (key, kind)) in enumerate(OUTPUTS.items()):
        artifact = kind()
        artifact.uri = str(tmp_path / node_id)
        Path(artifact.uri).mkdir()
        outputs = {key: [artifact]}
        runs[node_id] = NodeRun(
            node_id=node_id, seconds=float(number), cached=number == 0, outputs=outputs
        )
    model_run = standard_artifacts.ModelRun()
    model_run.uri = runs["Trainer"].outputs["model"][0].uri
    runs["Trainer"].outputs["model_run"] = [model_run]
    _fill(tmp_path)
    return runs


def _fill(folder: Path) -> None:
    for split, rows in {
        contract.TRAIN: [([2, 3], 0), ([2, 9, 3], 1), ([2, 9, 3], 2), ([2, 3], 0)],
        contract.VALIDATION: [([2, 3], 0)],
        contract.TEST: [([2, 9, 3], 1), ([2, 9, 8, 3], 2)],
    }.items():
        path = folder / "TextTransform" / f"Split-{split}" / "part.gz"
        path.parent.mkdir()
        write_token_records(path, rows)
    exported = folder / "Trainer" / "Format-Serving" / "variables"
    exported.mkdir(parents=True)
    (exported / "data").write_bytes(b"x" * 30)
    (exported.parent / "saved_model.pb").write_bytes(b"x" * 12)
    (folder / "Trainer" / "history.json").write_text(json.dumps(HISTORY))
    predictions = str(folder / "BatchPredictor")
    scored_rows().save(predictions)
    write_json(
        predictions, "latency.json", {"latency_p50_ms": 4.0, "latency_p99_ms": 9.0}
    )
    write_json(str(folder / "ModelServerValidator"), "server.json", VERDICT)
    write_json(str(folder / "LinearBaseline"), "linear.json", LINEAR)
    device = {"variants": [DEVICE_FILE, {**DEVICE_FILE, "name": "model_int8.tflite"}]}
    write_json(str(folder / "EdgeExporter"), "device.json", device)


@pytest.fixture
def make_outcome(
    runs: dict[str, NodeRun], monkeypatch: pytest.MonkeyPatch
) -> MakeOutcome:
    """An Outcome of those runs under the given settings; Evaluator's file is faked."""

    def read_overall(uri: str, model_name: str | None = None) -> dict[str, float]:
        assert uri.endswith("Evaluator")
        return LIVE_METRICS if model_name == tfma.BASELINE_KEY else METRICS

    monkeypatch.setattr(evaluation_metrics, "read_overall", read_overall)

    def make(**overrides: str) -> Outcome:
        settings = {f"evaluation.{key}": text for key, text in overrides.items()}
        config = PipelineConfig(
            name="p",
            run=RunConfig.of("tiny", settings),
            data_root="d",
            pipeline_root="r",
            serving_dir="s",
            edge_dir="e",
        )
        return Outcome(config=config, dataset=dataset(), runs=runs)

    return make


def with_live_model(outcome: Outcome) -> Outcome:
    """The same run, had there been a model to beat."""
    model = standard_artifacts.Model()
    model.set_string_custom_property("pushed_version", "42")
    return dataclasses.replace(outcome, runs={**outcome.runs, **live_run(model)})


def live_run(model: standard_artifacts.Model) -> dict[str, NodeRun]:
    outputs = {"model": [model]}
    run = NodeRun(node_id=LIVE_MODEL, seconds=0, cached=False, outputs=outputs)
    return {LIVE_MODEL: run}


def passed(checks: tuple[Check, ...]) -> dict[str, bool]:
    return {check.metric: check.passed for check in checks}


def test_every_bound_is_checked_once(make_outcome: MakeOutcome) -> None:
    assert passed(make_outcome().checks()) == {
        "test accuracy": True,
        "different answers": True,
        "model server (embedded)": True,
        "model.tflite agreement": True,
        "model_int8.tflite agreement": True,
    }


@pytest.mark.parametrize(("bound", "enough"), [("0.75", True), ("0.7501", False)])
def test_test_accuracy_must_reach_its_bound(
    make_outcome: MakeOutcome, bound: str, enough: bool
) -> None:
    check = make_outcome(min_accuracy=bound).checks()[0]
    assert (check.metric, check.value) == ("test accuracy", 0.75)
    assert check.bound == f"at least {float(bound):.4f}"
    assert check.passed is enough


def test_a_refusal_says_value_bound_setting_and_rows(
    make_outcome: MakeOutcome,
) -> None:
    assert make_outcome(min_accuracy="0.8").checks()[0].told == (
        "test accuracy is 0.75, wanted at least 0.8000 (evaluation.min_accuracy): "
        "3 of 4 test rows right, so few that one row is 25.0 points"
    )


def test_without_a_setting_the_bound_is_that_of_the_most_frequent_label(
    make_outcome: MakeOutcome,
) -> None:
    (check, *_) = make_outcome().checks()
    assert check.bound == "at least 0.5000"
    assert check.setting == (
        "evaluation.min_accuracy, unset: always answering 'b' reaches that"
    )


def test_a_model_that_always_says_one_thing_fails_however_right_it_is(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    rows = scored_rows()
    constant = np.zeros_like(rows.scores)
    constant[:, 1] = 1.0
    dataclasses.replace(rows, scores=constant).save(str(tmp_path / "BatchPredictor"))
    check = make_outcome(min_accuracy="0").checks()[1]
    assert not check.passed
    assert check.told.startswith(
        "different answers is 1, wanted at least 2 (no setting changes this): "
        "it says 'b' to 4 of 4 test rows"
    )


@pytest.mark.parametrize("setting", ["min_accuracy", "min_device_agreement"])
def test_every_check_names_its_setting(make_outcome: MakeOutcome, setting: str) -> None:
    settings = [check.setting for check in with_live_model(make_outcome()).checks()]
    assert all(settings)
    assert any(setting in each for each in settings)


def test_labels_without_a_test_row_and_notes_are_in_the_results(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    note = Note(what="texts twice", count=2, examples=("'one' (d.csv:2)",), advice="x")
    outcome = make_outcome()
    data = dataclasses.replace(outcome.dataset, notes=(note,))
    found = dataclasses.replace(outcome, dataset=data).data_summary()
    assert found.unmeasured_labels == ("a",)
    assert found.notes[0].examples == ("'one' (d.csv:2)",)


@pytest.mark.parametrize(("drop", "enough"), [("0.01", False), ("0.06", True)])
def test_a_model_may_be_worse_than_the_live_one_by_so_much(
    make_outcome: MakeOutcome, drop: str, enough: bool
) -> None:
    outcome = with_live_model(make_outcome(max_accuracy_drop=drop))
    assert passed(outcome.checks())["against the live model"] is enough
    assert outcome.live is not None
    assert (outcome.live.version, outcome.live.accuracy) == ("42", 0.8)
    assert outcome.evaluation().live == outcome.live


@pytest.mark.parametrize(("gain", "enough"), [("0.05", True), ("0.06", False)])
def test_a_model_must_be_better_than_the_linear_one_by_what_was_asked(
    make_outcome: MakeOutcome, gain: str, enough: bool
) -> None:
    checks = make_outcome(min_gain_over_linear=gain).checks()
    (check,) = (each for each in checks if "linear" in each.metric)
    assert check.passed is enough
    assert check.told == (
        f"against the linear model is 0.75, wanted at least {0.7 + float(gain):.4f} "
        f"(evaluation.min_gain_over_linear {gain}): linear model 0.7000, a note, "
        "3 of 4 test rows right, so few that one row is 25.0 points"
    )


def test_a_run_without_temperature_and_threshold_has_none(
    make_outcome: MakeOutcome,
) -> None:
    found = make_outcome().evaluation()  # Its history is one from before there were.
    assert found.calibration is found.rejection is None


def test_the_scores_from_before_the_temperature_are_measured_too(
    make_outcome: MakeOutcome,
) -> None:
    outcome = make_outcome()
    scored = {
        "calibration": {"temperature": 0.5, "rows": 1},
        "rejection": {"threshold": 0.65, "label": "c"},
    }
    path = Path(outcome.uri("Trainer", "model_run")) / "history.json"
    path.write_text(json.dumps({**HISTORY, **scored}))
    found = outcome.evaluation()
    assert found.rejection == Rejection(threshold=0.65, label="c")
    calibration = found.calibration
    assert calibration is not None
    roots = np.sqrt(scored_rows().scores)
    before = roots / roots.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        calibration.confidences_before, before.max(axis=1), atol=1e-6
    )
    true_scores = before[range(4), scored_rows().true_ids]
    assert calibration.log_loss_before == pytest.approx(-np.log(true_scores).mean())
    assert calibration.log_loss_after == pytest.approx(
        -np.log([0.7, 0.8, 0.5, 0.3]).mean()
    )
    # Three of four are right at 0.7, 0.8, 0.5, and one is wrong at 0.6.
    assert calibration.error_after == pytest.approx((0.3 + 0.2 + 0.5 + 0.6) / 4)


def test_the_linear_model_stands_beside_the_answers(make_outcome: MakeOutcome) -> None:
    linear = make_outcome().evaluation().linear
    assert linear is not None
    assert dataclasses.asdict(linear) == LINEAR


def test_a_folder_without_a_version_means_no_live_model(
    make_outcome: MakeOutcome,
) -> None:
    assert make_outcome().live is None


def test_a_server_that_refused_gives_its_reason(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    refused = {**VERDICT, "blessed": False, "engine": "", "reason": "port is taken"}
    write_json(str(tmp_path / "ModelServerValidator"), "server.json", refused)
    check = make_outcome().checks()[2]
    assert check.metric == "model server (not started)"
    assert (check.passed, check.note) == (False, "port is taken")
    assert check.told == (
        "model server (not started) is not known, wanted at most 0.001 score "
        "difference (evaluation.max_server_score_difference): port is taken"
    )


def test_a_device_file_that_disagrees_is_a_failed_check(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    poor = {**DEVICE_FILE, "agreement": 0.9}
    write_json(
        str(tmp_path / "EdgeExporter"), "device.json", {"variants": [DEVICE_FILE, poor]}
    )
    *_, good, bad = make_outcome(min_device_agreement="0.95").checks()
    assert (good.passed, bad.passed, bad.value) == (True, False, 0.9)
    assert bad.note == "tflite 2.14, largest score difference 3.1e-06"


def test_a_device_file_whose_scores_are_far_is_a_failed_check(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    far = {**DEVICE_FILE, "max_score_difference": 0.41}
    folder = str(tmp_path / "EdgeExporter")
    write_json(folder, "device.json", {"variants": [far]})
    *_, check = make_outcome().checks()
    assert (check.passed, check.value) == (False, 0.41)
    assert check.setting == "evaluation.max_device_score_difference"


def test_each_split_has_its_rows_its_lengths_and_its_labels(
    make_outcome: MakeOutcome,
) -> None:
    data = make_outcome().data_summary()
    train, validation, test = data.splits
    assert [split.name for split in data.splits] == list(contract.SPLITS)
    assert [split.rows for split in data.splits] == [4, 1, 2]
    assert train.label_counts == {"a": 2, "b": 1, "c": 1}
    assert train.token_lengths == (0, 0, 2, 2)
    assert test.token_lengths == (0, 0, 0, 1, 1)
    assert train.dropped == {"empty text": 2}
    assert validation.dropped == test.dropped == {}
    assert train.characters is not None
    assert dataclasses.astuple(train.characters) == (1, 4.0, 3.5, 5)
    assert (data.vocabulary_size, data.max_sequence_length) == (77, 64)


def test_epochs_are_counted_and_settings_say_what_the_data_decided(
    make_outcome: MakeOutcome,
) -> None:
    training = make_outcome().training_summary()
    assert [row["epoch"] for row in training.history] == [1, 2]
    assert training.history[1]["loss"] == 1.0
    assert (training.best_epoch, training.parameters) == (2, 1234)
    assert training.settings["vocabulary_size"] == 77
    assert training.settings["num_classes"] == 3
    assert training.settings["hidden_dim"] == 64
    assert training.settings["max_epochs"] == 3


def test_every_answer_on_the_test_split_is_kept_best_first(
    make_outcome: MakeOutcome,
) -> None:
    evaluation = make_outcome().evaluation()
    assert evaluation.labels == ("a", "b", "c")
    assert evaluation.true_ids == (0, 1, 2, 1)
    assert evaluation.predicted_ids == (0, 1, 2, 0)
    assert evaluation.confidences == pytest.approx((0.7, 0.8, 0.5, 0.6))
    assert evaluation.top_ids[2:] == ((2, 1, 0), (0, 1, 2))
    assert evaluation.texts[3] == "four"
    assert evaluation.live is None


def test_every_exported_file_is_a_variant(make_outcome: MakeOutcome) -> None:
    saved_model, float32, int8 = make_outcome().variants()
    assert (saved_model.name, saved_model.path) == ("SavedModel", "serving_model")
    assert saved_model.size_bytes == 42
    assert (saved_model.accuracy, saved_model.agreement) == (0.75, 1.0)
    assert (saved_model.latency_p50_ms, saved_model.latency_p99_ms) == (4.0, 9.0)
    assert (float32.path, int8.path) == ("edge/model.tflite", "edge/model_int8.tflite")
    assert float32.max_score_difference == 3.14e-6


def test_lineage_names_every_node_with_its_time(make_outcome: MakeOutcome) -> None:
    lineage = make_outcome().lineage()
    assert lineage.data_sha256 == dataset().sha256
    assert [node.name for node in lineage.nodes] == list(OUTPUTS)
    assert [node.cached for node in lineage.nodes][:2] == [True, False]
    assert lineage.nodes[3].seconds == 3.0
    assert {"tensorflow", "tfx"} <= lineage.versions.keys()


def test_what_was_pushed_is_told_with_its_place_and_a_refusal_with_none(
    make_outcome: MakeOutcome, runs: dict[str, NodeRun]
) -> None:
    outputs = runs[PUSHER].outputs
    outputs[PUSHED_EDGE_MODEL] = [standard_artifacts.PushedModel()]
    (pushed,) = outputs[PUSHED_MODEL]
    pushed.set_int_custom_property("pushed", 1)
    pushed.set_string_custom_property("pushed_destination", "/serving_model/17")
    assert make_outcome().pushed(PUSHED_MODEL) == Path("/serving_model/17")
    assert make_outcome().pushed(PUSHED_EDGE_MODEL) is None


def _anomalies(folder: Path, split: str, **found: str) -> None:
    message = anomalies_pb2.Anomalies()
    for name, description in found.items():
        message.anomaly_info[name].description = description
    (folder / f"Split-{split}").mkdir()
    path = folder / f"Split-{split}" / "SchemaDiff.pb"
    path.write_bytes(message.SerializeToString())


def test_anomalies_are_told_split_by_split(tmp_path: Path) -> None:
    _anomalies(tmp_path, "train")
    _anomalies(tmp_path, "test", label="2 new values", text="missing")
    assert sorted(read_anomalies(str(tmp_path))) == [
        "test: label: 2 new values",
        "test: text: missing",
    ]


def test_the_parts_are_joined_under_what_was_run(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    _anomalies(tmp_path / "ExampleValidator", "test", label="odd")
    outcome = make_outcome()
    info = RunInfo(**_info(checks=outcome.checks()))
    found = outcome.as_results(info)
    assert found.run is info
    assert found.data.anomalies == ("test: label: odd",)
    assert found.training == outcome.training_summary()
    assert type(found).from_json(found.to_json()) == found


def _info(**changes: Any) -> dict[str, Any]:
    return {
        "title": "rows.csv",
        "data_path": "rows.csv",
        "output_dir": "out",
        "preset": "tiny",
        "started_at": "2025-03-04T09:12:44+00:00",
        "wall_s": 10.0,
        "train_s": 3.0,
        "command": "ktp run",
        "blessed": True,
        **changes,
    }


def test_a_student_names_its_teacher_and_what_that_one_scored(
    make_outcome: MakeOutcome, tmp_path: Path
) -> None:
    outcome = make_outcome()
    assert outcome.teacher() is None
    report = standard_artifacts.Model()
    report.uri = str(tmp_path)
    told = {"accuracy": 0.9, "rows": {"train": 4, "made_up": 40}, "seconds": 2.5}
    write_json(report.uri, "teacher.json", told)
    run = NodeRun(
        node_id="TeacherScorer", seconds=3.0, cached=False, outputs={"report": [report]}
    )
    chosen = Teacher(uri="runs/large/serving_model/7", digest="abc")
    config = dataclasses.replace(outcome.config.run, teacher=chosen)
    taught = dataclasses.replace(
        outcome,
        config=dataclasses.replace(outcome.config, run=config),
        runs={**outcome.runs, run.node_id: run},
    )
    found = taught.teacher()
    assert found == results.Teacher(
        uri=chosen.uri, version="7", digest=chosen.digest, **told
    )
