"""What came out of a run: what its nodes left behind, joined to what the report shows.

Each component reads its own artifact; here is only which of them says what.
"""

import collections
import dataclasses
import functools
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.utils import path_utils

from components import (
    batch_predictor,
    edge_exporter,
    evaluation_metrics,
    model_server_validator,
    teacher_scorer,
    text_transform,
    versioned_pusher,
)
from components.linear import baseline as linear_baseline
from components.predictions import ScoredRows
from model import contract, hooks
from model.adaptation.config import AdaptationConfig, Method
from model.training.reliability import ScoreQuality, calibration_error, powers_of
from model.tuning import trials
from pipeline.config import PUSHER, PipelineConfig
from pipeline.data.dataset import Dataset
from pipeline.data.notes import visible
from pipeline.nodes import create, fingerprint
from pipeline.nodes.evaluation import MIN_DISTINCT_ANSWERS
from pipeline.report import results
from pipeline.report.insights import FEW_TEST_ROWS
from pipeline.run.node_runner import NodeRun

_SHOWN_TOP = 5
_TUNER = "SettingsTuner"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """Reads the artifacts of a finished pipeline; nothing is computed twice."""

    config: PipelineConfig
    dataset: Dataset
    runs: Mapping[str, NodeRun]

    def uri(self, node_id: str, key: str) -> str:
        """Says where a node wrote its output."""
        return self.runs[node_id].outputs[key][0].uri

    @functools.cached_property
    def predictions(self) -> ScoredRows:
        """Scores of the test split."""
        return ScoredRows.load(self.uri("BatchPredictor", "predictions"))

    @functools.cached_property
    def history(self) -> dict[str, Any]:
        """The learning curve that the trainer wrote."""
        return hooks.read_history(self.uri("Trainer", "model_run"))

    @functools.cached_property
    def server(self) -> model_server_validator.Verdict:
        """ModelServerValidator's verdict."""
        return model_server_validator.read_report(
            self.uri("ModelServerValidator", "report")
        )

    @functools.cached_property
    def device_files(self) -> list[edge_exporter.DeviceFile]:
        """EdgeExporter's verdict on each file it made."""
        return edge_exporter.read_report(self.uri("EdgeExporter", "report"))

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """Evaluator's metrics over all test rows."""
        return evaluation_metrics.read_overall(self.uri("Evaluator", "evaluation"))

    @functools.cached_property
    def live(self) -> results.LiveModel | None:
        """The live model on the same rows, where there was one."""
        baseline = self.runs.get(create.BASELINE_RESOLVER)
        if baseline is None or not baseline.outputs.get("model"):
            return None
        values = evaluation_metrics.read_overall(
            self.uri("Evaluator", "evaluation"), model_name=tfma.BASELINE_KEY
        )
        return results.LiveModel(
            version=str(baseline.outputs["model"][0].id),
            accuracy=values[evaluation_metrics.ACCURACY],
            macro_f1=values[evaluation_metrics.MACRO_F1],
        )

    @functools.cached_property
    def linear(self) -> linear_baseline.LinearModel:
        """What a linear model reaches on the same splits."""
        return linear_baseline.read_report(self.uri("LinearBaseline", "report"))

    @functools.cached_property
    def trials(self) -> list[trials.Trial]:
        """Every trial of the Tuner; none where there was no Tuner."""
        if _TUNER not in self.runs:
            return []
        return trials.read_trials(self.uri(_TUNER, "tuner_results"))

    @property
    def best_settings(self) -> Mapping[str, Any]:
        """What the Tuner chose; empty where there was no Tuner."""
        best = trials.best_of(self.trials)
        return best.settings if best else {}

    def pushed(self, key: str) -> Path | None:
        """Says where the pusher put one of its outputs, or None where it refused."""
        (artifact,) = self.runs[PUSHER].outputs[key]
        return versioned_pusher.read_destination(artifact)

    def checks(self) -> tuple[results.Check, ...]:
        """Lists every bound that stands between a model and its users."""
        return (*self._accuracy_checks(), self._server_check(), *self._device_checks())

    def _accuracy_checks(self) -> list[results.Check]:
        accuracy = self.metrics[evaluation_metrics.ACCURACY]
        checks = [self._accuracy_check(accuracy), self._answers_check()]
        if self.live is not None:
            drop = self.config.run.evaluation.max_accuracy_drop
            checks.append(
                _at_least(
                    "against the live model",
                    accuracy,
                    self.live.accuracy - drop,
                    note=f"live model {self.live.accuracy:.4f}, {self._rows_told()}",
                    setting=f"evaluation.max_accuracy_drop {drop:g}",
                )
            )
        return [*checks, *self._linear_checks(accuracy)]

    def _linear_checks(self, accuracy: float) -> list[results.Check]:
        gain = self.config.run.evaluation.min_gain_over_linear
        if gain is None:
            return []
        linear = self.linear
        check = _at_least(
            "against the linear model",
            accuracy,
            linear.accuracy + gain,
            note=", ".join(
                filter(
                    None,
                    (
                        f"linear model {linear.accuracy:.4f}",
                        linear.note,
                        self._rows_told(),
                    ),
                )
            ),
            setting=f"evaluation.min_gain_over_linear {gain:g}",
        )
        # As the gate decided: sums of shares may differ in the last digit.
        return [dataclasses.replace(check, passed=linear.is_beaten(accuracy, gain))]

    def _accuracy_check(self, accuracy: float) -> results.Check:
        most, _ = self.dataset.label_counts(contract.TEST).most_common(1)[0]
        setting = "evaluation.min_accuracy"
        if self.config.run.evaluation.min_accuracy is None:
            setting += f", unset: always answering {visible(most)} reaches that"
        return _at_least(
            "test accuracy",
            accuracy,
            self.config.min_accuracy,
            note=self._rows_told(),
            setting=setting,
        )

    def _answers_check(self) -> results.Check:
        """Finds a model that always says one thing: on no data is it of use."""
        answers = collections.Counter(self.predictions.predicted_ids.tolist())
        most, count = answers.most_common(1)[0]
        note = (
            f"it says {visible(self.predictions.labels[most])} to {count:,} of "
            f"{answers.total():,} test rows"
        )
        if len(answers) < MIN_DISTINCT_ANSWERS:
            note += "; train longer (training.max_epochs), or give more rows of others"
        return results.Check(
            metric="different answers",
            value=len(answers),
            bound=f"at least {MIN_DISTINCT_ANSWERS}",
            passed=len(answers) >= MIN_DISTINCT_ANSWERS,
            note=note,
            setting="no setting changes this",
        )

    def _rows_told(self) -> str:
        rows = self.predictions
        total = len(rows.texts)
        right = int((rows.predicted_ids == rows.true_ids).sum())
        told = f"{right:,} of {total:,} test rows right"
        if total < FEW_TEST_ROWS:
            told += f", so few that one row is {100 / total:.1f} points"
        return told

    def _server_check(self) -> results.Check:
        verdict = self.server
        bound = self.config.run.evaluation.max_server_score_difference
        return results.Check(
            metric=f"model server ({verdict.engine or 'not started'})",
            value=verdict.max_score_difference if verdict.engine else None,
            bound=f"at most {bound:g} score difference",
            passed=verdict.blessed,
            note=verdict.reason or f"{verdict.rows} rows over gRPC and REST",
            setting="evaluation.max_server_score_difference",
        )

    def _device_checks(self) -> list[results.Check]:
        bound = self.config.run.evaluation.min_device_agreement
        return [
            _at_least(
                f"{file.name} agreement",
                file.agreement,
                bound,
                note=f"{file.runtime}, largest score difference "
                f"{file.max_score_difference:.2g}",
                setting="evaluation.min_device_agreement",
            )
            for file in self.device_files
        ]

    def as_results(self, run: results.RunInfo) -> results.RunResults:
        """Gathers everything that the report shows."""
        return results.RunResults(
            run=run,
            data=self.data_summary(),
            training=self.training_summary(),
            evaluation=self.evaluation(),
            variants=self.variants(),
            lineage=self.lineage(),
            teacher=self.teacher(),
        )

    def data_summary(self) -> results.DataSummary:
        """Describes splits, what was dropped, and what ExampleValidator found."""
        return results.DataSummary(
            splits=tuple(self._split(name) for name in contract.SPLITS),
            notes=self.dataset.notes,
            unmeasured_labels=tuple(self.dataset.unmeasured_labels),
            anomalies=read_anomalies(self.uri("ExampleValidator", "anomalies")),
            max_sequence_length=self.config.run.model.max_sequence_length,
            vocabulary_size=self.history["vocabulary_size"],
        )

    def _split(self, name: str) -> results.SplitData:
        rows = self.dataset.splits[name]
        lengths = [len(text) for text, _ in rows]
        dropped = {
            reason.replace("_", " "): count
            for reason, count in self.dataset.dropped.items()
        }
        return results.SplitData(
            name=name,
            rows=len(rows),
            label_counts=dict(self.dataset.label_counts(name)),
            # The reader counts by file, not by split.
            dropped=dropped if name == contract.TRAIN else {},
            token_lengths=text_transform.read_token_lengths(
                self.uri("TextTransform", "transformed_examples"), name
            ),
            characters=results.CharacterLengths(
                shortest=min(lengths),
                median=statistics.median(lengths),
                mean=statistics.fmean(lengths),
                longest=max(lengths),
            ),
        )

    def training_summary(self) -> results.TrainingSummary:
        """Gathers the learning curve and the settings."""
        history, run = self.history, self.config.run
        return results.TrainingSummary(
            history=tuple(
                {"epoch": number, **row}
                for number, row in enumerate(history["history"], 1)
            ),
            best_epoch=history["best_epoch"],
            parameters=history["parameters"],
            trained_parameters=(
                None
                if run.adaptation.method is Method.FULL
                else history["trained_parameters"]
            ),
            trials=tuple(
                results.Trial(
                    settings=trial.settings,
                    end=trial.end.value,
                    accuracy=trial.accuracy,
                    loss=trial.loss,
                    seconds=trial.seconds,
                    reason=trial.reason,
                    is_best=trial == trials.best_of(self.trials),
                )
                for trial in self.trials
            ),
            settings={
                **dataclasses.asdict(run.model),
                **dataclasses.asdict(run.training),
                **_changed(run.adaptation),
                "vocabulary_size": history["vocabulary_size"],
                "num_classes": len(self.dataset.labels),
                **{key.split(".")[1]: v for key, v in self.best_settings.items()},
            },
        )

    def evaluation(self) -> results.Evaluation:
        """Gathers every answer on the test split."""
        rows = self.predictions
        order = np.argsort(-rows.scores, axis=1)[:, :_SHOWN_TOP]
        return results.Evaluation(
            labels=tuple(rows.labels),
            true_ids=tuple(rows.true_ids.tolist()),
            predicted_ids=tuple(rows.predicted_ids.tolist()),
            confidences=tuple(rows.scores.max(axis=1).tolist()),
            texts=tuple(rows.texts),
            top_ids=tuple(map(tuple, order.tolist())),
            live=self.live,
            linear=results.LinearModel(
                accuracy=self.linear.accuracy,
                macro_f1=self.linear.macro_f1,
                seconds=self.linear.seconds,
                note=self.linear.note,
            ),
            calibration=self._calibration(),
            rejection=self._rejection(),
        )

    def teacher(self) -> results.Teacher | None:
        """Says who was the teacher, and how good it is on the test split."""
        teacher = self.config.run.teacher
        if teacher is None:
            return None
        report = teacher_scorer.read_report(self.uri("TeacherScorer", "report"))
        return results.Teacher(
            uri=teacher.uri,
            version=teacher.version,
            digest=teacher.digest,
            **dataclasses.asdict(report),
        )

    def _calibration(self) -> results.Calibration | None:
        """Undoes the exported temperature, and measures the scores with and without."""
        found, rows = self.history.get("calibration"), self.predictions
        if found is None:
            return None
        scores_before = powers_of(rows.scores, found["temperature"])
        before = ScoreQuality.of(scores_before, rows.true_ids)
        after = ScoreQuality.of(rows.scores, rows.true_ids)
        return results.Calibration(
            temperature=found["temperature"],
            error_before=before.calibration_error,
            error_after=after.calibration_error,
            log_loss_before=before.log_loss,
            log_loss_after=after.log_loss,
            confidences_before=tuple(scores_before.max(axis=1).tolist()),
        )

    def _rejection(self) -> results.Rejection | None:
        chosen = self.history.get("rejection")
        return None if chosen is None else results.Rejection(**chosen)

    def variants(self) -> tuple[results.Variant, ...]:
        """Lists every exported file: size, speed, agreement with the SavedModel."""
        folder = Path(path_utils.serving_model_path(self.uri("Trainer", "model")))
        saved_model = results.Variant(
            name="SavedModel",
            path=contract.SERVING_DIR,
            size_bytes=sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()),
            runtime=f"tensorflow {tf.__version__}",
            accuracy=self.predictions.accuracy,
            agreement=1.0,
            max_score_difference=0.0,
            calibration_error=calibration_error(
                self.predictions.scores.max(axis=1),
                self.predictions.predicted_ids == self.predictions.true_ids,
            ),
            **batch_predictor.read_latency(self.uri("BatchPredictor", "predictions")),
        )
        files = (
            results.Variant(
                path=f"{contract.EDGE_DIR}/{file.name}", **dataclasses.asdict(file)
            )
            for file in self.device_files
        )
        return (saved_model, *files)

    def lineage(self) -> results.Lineage:
        """Gathers what to hold against another run."""
        source = self.config.run.pretrained
        return results.Lineage(
            data_sha256=self.dataset.sha256,
            code_fingerprint=fingerprint.code_fingerprint(),
            versions=fingerprint.library_versions(),
            git_commit=fingerprint.git_commit(),
            pretrained=str(source) if source else None,
            pretrained_sha256=source.digest if source else None,
            nodes=tuple(
                results.NodeTiming(name=r.node_id, seconds=r.seconds, cached=r.cached)
                for r in self.runs.values()
            ),
        )


def _changed(adaptation: AdaptationConfig) -> dict[str, Any]:
    """Takes what is not as it is by default: most runs fine-tune nothing."""
    default = dataclasses.asdict(AdaptationConfig())
    chosen = dataclasses.asdict(adaptation)
    return {
        f"adaptation.{name}": value
        for name, value in chosen.items()
        if value != default[name]
    }


def read_anomalies(uri: str) -> tuple[str, ...]:
    """Reads one sentence for each thing that ExampleValidator found, split by split."""
    found = []
    for path in sorted(tf.io.gfile.glob(f"{uri}/Split-*/SchemaDiff.pb")):
        split = Path(path).parent.name.removeprefix("Split-")
        with tf.io.gfile.GFile(path, "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        for name, anomaly in anomalies.anomaly_info.items():
            found.append(f"{split}: {name}: {anomaly.description}")
    return tuple(found)


def _at_least(
    metric: str, value: float, bound: float, *, note: str, setting: str
) -> results.Check:
    wanted = f"{bound:.4f}" if round(bound, 4) == bound else f"{bound:.6g}"
    return results.Check(
        metric=metric,
        value=value,
        bound=f"at least {wanted}",
        passed=value >= bound,
        note=note,
        setting=setting,
    )
