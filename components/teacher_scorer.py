"""TeacherScorer: every text that a student learns from, with its teacher's scores.

The teacher is an exported SavedModel and takes text, so its tokeniser and its size do
not matter to the student. It is asked once; training reads what it said with each row.
"""

import dataclasses
import os
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import v1 as tfx
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.artifacts import TeacherReport, read_json, write_json
from components.examples import read_rows
from components.made_up_texts import made_up_texts
from components.scoring import score_texts
from model import contract
from model.export import teacher

_REPORT_FILE = "teacher.json"
_SCHEMA_FILE = "schema.pbtxt"
_LEAST_LOG_SCORE = -60.0

Rows = Sequence[tuple[bytes, bytes]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What the teacher is worth, and what it was asked.

    `accuracy` is on the test split; `rows` counts by split.
    """

    accuracy: float
    rows: Mapping[str, int]
    seconds: float


@tfx.dsl.components.component
def TeacherScorer(
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    schema: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Schema],
    scored_examples: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.Examples
    ],
    scored_schema: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.Schema
    ],
    report: tfx.dsl.components.OutputArtifact[TeacherReport],
    teacher_uri: tfx.dsl.components.Parameter[str],
    teacher_digest: tfx.dsl.components.Parameter[str],
    made_up_per_text: tfx.dsl.components.Parameter[int],
    seed: tfx.dsl.components.Parameter[int],
    code_fingerprint: tfx.dsl.components.Parameter[str],
) -> None:
    """Writes all splits anew with `contract.TEACHER_SCORES`, and what it made up."""
    del teacher_digest, code_fingerprint  # For cache and lineage to see a change.
    splits = {
        split: list(read_rows(artifact_utils.get_split_uri([examples], split)))
        for split in artifact_utils.decode_split_names(examples.split_names)
    }
    if made_up_per_text:
        splits[contract.MADE_UP] = make_up(splits, made_up_per_text, seed)
    told = score_splits(teacher_uri, splits, scored_examples.uri)
    scored_examples.split_names = artifact_utils.encode_split_names(list(splits))
    examples_utils.set_payload_format(
        scored_examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE
    )
    _write_schema(schema.uri, scored_schema.uri)
    write_json(report.uri, _REPORT_FILE, dataclasses.asdict(told))


def read_report(uri: str) -> Report:
    """Reads a `TeacherReport`."""
    return Report(**read_json(uri, _REPORT_FILE))


def make_up(
    splits: Mapping[str, Rows], per_text: int, seed: int
) -> list[tuple[bytes, bytes]]:
    """Mixes the texts of train; no text that stands in a split comes out again.

    Raises:
        ValueError: Nothing new comes out.
    """
    known = {text for rows in splits.values() for text, _ in rows}
    texts = dict.fromkeys(text.decode() for text, _ in splits[contract.TRAIN])
    found = made_up_texts(
        sorted(texts), per_text, seed=seed, known=lambda text: text.encode() in known
    )
    if not found:
        raise ValueError(
            f"No text can be made up of the {len(texts):,} of the train split that is "
            "not one of them. Use --set distillation.made_up_texts=0."
        )
    return [(text.encode(), contract.NO_LABEL.encode()) for text in found]


def score_splits(teacher_uri: str, splits: Mapping[str, Rows], uri: str) -> Report:
    """Asks the teacher about every row and writes `<uri>/Split-<name>/`.

    Raises:
        ValueError: The teacher has other labels than the train split.
    """
    started = time.monotonic()
    labels = sorted({label.decode() for _, label in splits[contract.TRAIN]})
    scorer = teacher.load_teacher(teacher_uri, labels)
    scores = score_texts(scorer, [t for rows in splits.values() for t, _ in rows])
    of_split, start = {}, 0
    for split, rows in splits.items():
        of_split[split] = scores[start : start + len(rows)]
        start += len(rows)
        _write_split(os.path.join(uri, f"Split-{split}"), rows, of_split[split])
    tested = splits[contract.TEST], of_split[contract.TEST]
    return Report(
        accuracy=_accuracy(*tested, labels),
        rows={split: len(rows) for split, rows in splits.items()},
        seconds=time.monotonic() - started,
    )


def _accuracy(rows: Rows, scores: np.ndarray, labels: Sequence[str]) -> float:
    said = [labels[best].encode() for best in scores.argmax(axis=1)]
    return float(np.mean([a == b for a, (_, b) in zip(said, rows, strict=True)]))


def _write_split(folder: str, rows: Rows, scores: np.ndarray) -> None:
    tf.io.gfile.makedirs(folder)
    path = os.path.join(folder, "data_tfrecord-00000-of-00001.gz")
    with tf.io.TFRecordWriter(path, options="GZIP") as writer:
        for record in _records(rows, scores):
            writer.write(record)


def _records(rows: Rows, scores: np.ndarray) -> Iterator[bytes]:
    with np.errstate(divide="ignore"):  # The logarithm of 0 is the least, too.
        logs = np.maximum(np.log(scores), _LEAST_LOG_SCORE).astype(np.float16)
    for (text, label), of_row in zip(rows, logs, strict=True):
        values = {
            contract.TEXT: text,
            contract.LABEL: label,
            contract.TEACHER_SCORES: of_row.tobytes(),
        }
        features = {
            name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
            for name, value in values.items()
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        yield example.SerializeToString()


def _write_schema(uri: str, scored_uri: str) -> None:
    """Copies a schema and adds what the teacher says, as one value of every row."""
    schema = io_utils.parse_pbtxt_file(
        os.path.join(uri, _SCHEMA_FILE), schema_pb2.Schema()
    )
    schema.feature.add(
        name=contract.TEACHER_SCORES,
        type=schema_pb2.BYTES,
        presence=schema_pb2.FeaturePresence(min_fraction=1.0, min_count=1),
        shape=schema_pb2.FixedShape(dim=[schema_pb2.FixedShape.Dim(size=1)]),
    )
    io_utils.write_pbtxt_file(os.path.join(scored_uri, _SCHEMA_FILE), schema)
