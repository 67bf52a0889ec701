"""BatchPredictor: the exported SavedModel's scores for every row of a split.

TFMA keeps metrics, not predictions. The server's answers, the device files and the
report are compared with these.
"""

import time

import numpy as np
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.artifacts import Predictions, Vocabulary, read_json, write_json
from components.examples import read_rows
from components.predictions import ScoredRows
from components.scoring import score_texts
from components.vocabulary_gen import read_labels
from model import contract
from model.export.saved_model import load_scorer, load_signature

_LATENCY_FILE = "latency.json"
_TIMED_TEXTS = 100


@tfx.dsl.components.component
def BatchPredictor(
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    vocabulary: tfx.dsl.components.InputArtifact[Vocabulary],
    predictions: tfx.dsl.components.OutputArtifact[Predictions],
    split: tfx.dsl.components.Parameter[str],
    code_fingerprint: tfx.dsl.components.Parameter[str],
) -> None:
    """Writes `Predictions` of `split`."""
    del code_fingerprint  # Only makes the cache see a change of the code.
    rows = predict(
        export_dir=path_utils.serving_model_path(model.uri),
        split_uri=artifact_utils.get_split_uri([examples], split),
        labels=read_labels(vocabulary.uri),
    )
    rows.save(predictions.uri)
    latency = time_single_texts(path_utils.serving_model_path(model.uri), rows.texts)
    write_json(predictions.uri, _LATENCY_FILE, latency)


def read_latency(uri: str) -> dict[str, float]:
    """Reads what `time_single_texts` measured, from a `Predictions`."""
    return read_json(uri, _LATENCY_FILE)


def predict(*, export_dir: str, split_uri: str, labels: list[str]) -> ScoredRows:
    """Scores every row of a split, rows of like length together."""
    rows = sorted(read_rows(split_uri), key=lambda row: len(row[0]))
    texts = [text for text, _ in rows]
    return ScoredRows(
        texts=[text.decode() for text in texts],
        true_labels=[label.decode() for _, label in rows],
        labels=labels,
        scores=score_texts(load_scorer(export_dir), texts),
    )


def time_single_texts(export_dir: str, texts: list[str]) -> dict[str, float]:
    """Measures p50 and p99 of `serving_default` in ms, one text at a time."""
    answer = load_signature(export_dir, contract.Signature.SERVING_DEFAULT)
    step = max(1, len(texts) // _TIMED_TEXTS)
    inputs = [tf.constant([text]) for text in texts[::step]]
    for warming_up in inputs[:10]:
        answer(**{contract.TEXT: warming_up})
    times_ms = []
    for text in inputs:
        started = time.perf_counter()
        answer(**{contract.TEXT: text})
        times_ms.append(1000 * (time.perf_counter() - started))
    return {
        f"latency_p{q}_ms": round(float(np.percentile(times_ms, q)), 3)
        for q in (50, 99)
    }
