"""The bounds that stand between a model and its users."""

import collections
import dataclasses

from components import evaluation_metrics
from components.edge_exporter import DeviceFile
from model import contract
from pipeline.data.notes import visible
from pipeline.nodes.evaluation import MIN_DISTINCT_ANSWERS
from pipeline.report import results
from pipeline.report.insights import FEW_TEST_ROWS
from pipeline.run.run_artifacts import RunArtifacts


class Checks:
    """Compares what was found with the settings, as the gates did."""

    def __init__(self, found: RunArtifacts) -> None:
        self._found = found

    def all(self) -> tuple[results.Check, ...]:
        """Lists every bound that stands between a model and its users."""
        return (*self._accuracy_checks(), self._server_check(), *self._device_checks())

    def _accuracy_checks(self) -> list[results.Check]:
        accuracy = self._found.metrics[evaluation_metrics.ACCURACY]
        checks = [self._accuracy_check(accuracy), self._answers_check()]
        live = self._found.live
        if live is not None:
            drop = self._found.config.run.evaluation.max_accuracy_drop
            checks.append(
                _at_least(
                    "against the live model",
                    accuracy,
                    live.accuracy - drop,
                    note=f"live model {live.accuracy:.4f}, {self._rows_told()}",
                    setting=f"evaluation.max_accuracy_drop {drop:g}",
                )
            )
        return [*checks, *self._linear_checks(accuracy)]

    def _linear_checks(self, accuracy: float) -> list[results.Check]:
        gain = self._found.config.run.evaluation.min_gain_over_linear
        if gain is None:
            return []
        linear = self._found.linear
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
        counts = self._found.dataset.label_counts(contract.TEST)
        setting = "evaluation.min_accuracy"
        bound = self._found.config.run.evaluation.min_accuracy
        if bound is None:
            most, count = counts.most_common(1)[0]
            bound = count / counts.total()
            setting += f", unset: always answering {visible(most)} reaches that"
        return _at_least(
            "test accuracy",
            accuracy,
            bound,
            note=self._rows_told(),
            setting=setting,
        )

    def _answers_check(self) -> results.Check:
        """Finds a model that always says one thing: on no data is it of use."""
        answers = collections.Counter(self._found.predictions.predicted_ids.tolist())
        most, count = answers.most_common(1)[0]
        note = (
            f"it says {visible(self._found.predictions.labels[most])} to {count:,} of "
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
        rows = self._found.predictions
        total = len(rows.texts)
        right = int((rows.predicted_ids == rows.true_ids).sum())
        told = f"{right:,} of {total:,} test rows right"
        if total < FEW_TEST_ROWS:
            told += f", so few that one row is {100 / total:.1f} points"
        return told

    def _server_check(self) -> results.Check:
        verdict = self._found.server
        bound = self._found.config.run.evaluation.max_server_score_difference
        return results.Check(
            metric=f"model server ({verdict.engine or 'not started'})",
            value=verdict.max_score_difference if verdict.engine else None,
            bound=f"at most {bound:g} score difference",
            passed=verdict.blessed,
            note=verdict.reason or f"{verdict.rows} rows over gRPC and REST",
            setting="evaluation.max_server_score_difference",
        )

    def _device_checks(self) -> list[results.Check]:
        return [self._device_check(file) for file in self._found.device_files]

    def _device_check(self, file: DeviceFile) -> results.Check:
        """Judges by the agreement or, where only they are too far away, the scores."""
        bounds = self._found.config.run.evaluation
        most = bounds.max_device_score_difference
        agrees = file.agreement >= bounds.min_device_agreement
        if agrees and file.max_score_difference > most:
            return results.Check(
                metric=f"{file.name} score difference",
                value=file.max_score_difference,
                bound=f"at most {most:g}",
                passed=False,
                note=f"{file.runtime}, agreement {file.agreement:.4f}",
                setting="evaluation.max_device_score_difference",
            )
        return _at_least(
            f"{file.name} agreement",
            file.agreement,
            bounds.min_device_agreement,
            note=f"{file.runtime}, largest score difference "
            f"{file.max_score_difference:.2g}",
            setting="evaluation.min_device_agreement",
        )


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
