"""Run results as a run would leave them, of any size and without chance."""

import dataclasses

import numpy as np

from pipeline.report.results import (
    CharacterLengths,
    Check,
    DataSummary,
    Evaluation,
    Lineage,
    LiveModel,
    NodeTiming,
    RunInfo,
    RunResults,
    SplitData,
    TrainingSummary,
    Variant,
)

NODES = (
    ("CsvExampleGen", 9.1),
    ("StatisticsGen", 7.4),
    ("SchemaGen", 0.3),
    ("ExampleValidator", 0.4),
    ("VocabularyGen", 3.2),
    ("Transform", 24.8),
    ("Trainer", 141.0),
    ("Evaluator", 21.7),
    ("ModelServerValidator", 12.5),
    ("EdgeExporter", 18.9),
    ("Pusher", 0.6),
)


def run_results(
    num_classes: int = 5, rows: int = 200, *, accuracy: float = 0.9, seed: int = 0
) -> RunResults:
    """A blessed run; replace parts of it with `dataclasses.replace`."""
    labels = tuple(f"topic_{number}" for number in range(num_classes))
    return RunResults(
        run=_run(),
        data=_data(labels, rows),
        training=_training(),
        evaluation=_evaluation(labels, rows, accuracy, seed),
        variants=_variants(),
        lineage=_lineage(),
    )


def with_evaluation(results: RunResults, **changes: object) -> RunResults:
    """`results` with some fields of its evaluation replaced."""
    evaluation = dataclasses.replace(results.evaluation, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(results, evaluation=evaluation)


def _run() -> RunInfo:
    return RunInfo(
        title="Support questions",
        data_path="data/questions.csv",
        output_dir="runs/questions",
        preset="small",
        started_at="2025-03-04T09:12:44+00:00",
        wall_s=247.0,
        train_s=132.0,
        command="ktp run --data data/questions.csv --preset small",
        blessed=True,
        checks=(
            Check(metric="accuracy", value=0.9, bound="at least 0.80", passed=True),
            Check(
                metric="accuracy against live",
                value=0.012,
                bound="above -0.005",
                passed=True,
                note="compared on this run's test split",
            ),
            Check(metric="smallest recall", value=0.55, bound="≥ 0.30", passed=True),
        ),
        pushed_version="1741079564",
    )


def _data(labels: tuple[str, ...], rows: int) -> DataSummary:
    lengths = np.random.default_rng(1).gamma(6, 2.4, 8 * rows).astype(int).clip(3, 64)
    counts = {label: 40 + 7 * at % 90 for at, label in enumerate(labels)}
    splits = [
        SplitData(
            name=name,
            rows=8 * rows if name == "train" else rows,
            label_counts=counts,
            dropped={"empty text": 3, "duplicate": 12} if name == "train" else {},
            token_lengths=tuple(np.bincount(lengths)),
            characters=CharacterLengths(shortest=4, median=47, mean=58.2, longest=433),
        )
        for name in ("train", "validation", "test")
    ]
    return DataSummary(
        splits=tuple(splits),
        anomalies=("label: 2 values of the test split are not in the schema",),
        max_sequence_length=64,
        vocabulary_size=8000,
    )


def _training() -> TrainingSummary:
    history = [
        {
            "epoch": epoch,
            "loss": 3.4 * 0.72**epoch + 0.05,
            "accuracy": 1 - 0.8 * 0.7**epoch,
            "val_loss": 3.2 * 0.75**epoch + 0.3 + 0.012 * epoch,
            "val_accuracy": 0.92 - 0.8 * 0.68**epoch,
        }
        for epoch in range(1, 13)
    ]
    return TrainingSummary(
        history=tuple(history),
        best_epoch=9,
        parameters=4_317_261,
        settings={"hidden_dim": 256, "num_layers": 4, "dropout": 0.1, "jit": None},
    )


def _evaluation(
    labels: tuple[str, ...], rows: int, accuracy: float, seed: int
) -> Evaluation:
    random = np.random.default_rng(seed)
    true_ids = np.arange(rows) % len(labels)
    right = random.random(rows) < accuracy
    # Mistakes go to neighbours, as they do between similar topics.
    step = 1 + random.geometric(0.6, rows) % max(1, len(labels) - 1)
    predicted_ids = np.where(right, true_ids, (true_ids + step) % len(labels))
    confidences = np.where(
        right, random.beta(9, 0.7, rows), random.beta(4, 2.2, rows)
    ).clip(1 / len(labels), 1)
    return Evaluation(
        labels=labels,
        true_ids=tuple(true_ids.tolist()),
        predicted_ids=tuple(predicted_ids.tolist()),
        confidences=tuple(confidences.tolist()),
        texts=tuple(f"question number {number}" for number in range(rows)),
        live=LiveModel(version="1740000000", accuracy=accuracy - 0.02, macro_f1=0.8),
    )


def _variants() -> tuple[Variant, ...]:
    server = Variant(
        name="SavedModel",
        path="serving_model/1741079564",
        size_bytes=17_900_000,
        runtime="embedded server",
        latency_p50_ms=4.31,
        latency_p99_ms=9.8,
        accuracy=0.9,
    )
    device = dataclasses.replace(
        server,
        name="TFLite float32",
        path="edge/1741079564/model.tflite",
        runtime="tflite-runtime 2.14",
        latency_p50_ms=2.02,
        latency_p99_ms=2.9,
        agreement=1.0,
        max_score_difference=3.1e-6,
    )
    quantised = dataclasses.replace(
        device,
        name="TFLite int8",
        path="edge/1741079564/model_int8.tflite",
        size_bytes=4_620_000,
        latency_p50_ms=1.21,
        latency_p99_ms=1.7,
        accuracy=0.898,
        agreement=0.994,
        max_score_difference=0.041,
    )
    return server, device, quantised


def _lineage() -> Lineage:
    return Lineage(
        data_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        code_fingerprint="5f2a91c07be4",
        versions={"python": "3.11.9", "tensorflow": "2.21.0", "tfx": "1.21.0"},
        git_commit="b0a1cfd",
        nodes=tuple(
            NodeTiming(name=name, seconds=seconds, cached=name == "SchemaGen")
            for name, seconds in NODES
        ),
    )
