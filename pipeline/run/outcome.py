"""What came out of a run, as the report shows it."""

import dataclasses
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.utils import path_utils

from components import batch_predictor, teacher_scorer, text_transform
from model import contract
from model.adaptation.config import AdaptationConfig
from model.training.reliability import ScoreQuality, calibration_error, powers_of
from model.tuning import trials
from pipeline.nodes import fingerprint
from pipeline.report import results
from pipeline.run.checks import Checks
from pipeline.run.run_artifacts import RunArtifacts

_SHOWN_TOP = 5


class Outcome(RunArtifacts):
    """Joins the artifacts of a finished pipeline; nothing is computed twice."""

    def checks(self) -> tuple[results.Check, ...]:
        """Lists every bound that stands between a model and its users."""
        return Checks(self).all()

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
                history["trained_parameters"] if run.pretrained else None
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
