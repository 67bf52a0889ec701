"""What the nodes of a finished run left behind.

Each component reads its own artifact; here is only which of them says what.
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma

from components import (
    edge_exporter,
    evaluation_metrics,
    model_server_validator,
)
from components.linear import baseline as linear_baseline
from components.predictions import ScoredRows
from components.pushing import live_model, versioned_pusher
from model import hooks
from model.tuning import trials
from pipeline.config import PUSHER, PipelineConfig
from pipeline.data.dataset import Dataset
from pipeline.nodes import create
from pipeline.report import results
from pipeline.run.node_runner import NodeRun

_TUNER = "SettingsTuner"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunArtifacts:
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
        (copied,) = self.runs[create.LIVE_MODEL].outputs["model"]
        version = live_model.read_version(copied)
        if version is None:
            return None
        values = evaluation_metrics.read_overall(
            self.uri("Evaluator", "evaluation"), model_name=tfma.BASELINE_KEY
        )
        return results.LiveModel(
            version=version,
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
