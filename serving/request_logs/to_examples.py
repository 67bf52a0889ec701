"""`python -m serving.request_logs.to_examples`: tf.Examples out of request logs.

For skew checks: TensorFlow Data Validation compares them with the training data, and
ImportExampleGen takes them as they are.

    python -m serving.request_logs.to_examples /var/log/requests/* --output r.tfrecord

The file holds what clients sent, which may be personal data.
"""

import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
import numpy as np

from serving.client import protos
from serving.client.wire import tensors
from serving.formats.tfrecord import write_record
from serving.request_logs.reader import read_logs, request_of


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@click.option("--output", required=True, help="TFRecord file of tf.Examples.")
def main(logs: Sequence[str], output: str) -> None:
    """Make tf.Examples out of request logs, for TensorFlow Data Validation.

    LOG are TFRecord files. They hold what clients sent, which may be personal data.
    The exit status is 1 when there is no example in them.
    """
    count = 0
    try:
        with pathlib.Path(output).open("wb") as file:
            for example in examples(read_logs(logs)):
                write_record(file, example)
                count += 1
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}.", err=True)
        sys.exit(1)
    click.echo(f"{output}: {count} examples")
    sys.exit(0 if count else 1)


def examples(logs: Iterable[Any]) -> Iterator[bytes]:
    """Makes serialised tf.Examples of PredictionLog messages, one per row.

    Classify, Regress and MultiInference carry examples already. A Predict request gives
    one per row, with a feature per input; an input without rows goes into each.
    """
    for entry in logs:
        if entry.WhichOneof("log_type") == "predict_log":
            yield from _rows(request_of(entry).inputs)
        else:
            yield from _given(request_of(entry).input)


def _given(message: Any) -> Iterator[bytes]:
    # One of the two is empty, and with the first the context, too.
    with_context = message.example_list_with_context
    for example in (*message.example_list.examples, *with_context.examples):
        merged = protos.Example()
        merged.CopyFrom(with_context.context)
        merged.MergeFrom(example)
        yield merged.SerializeToString()


def _rows(inputs: Any) -> Iterator[bytes]:
    arrays = {alias: tensors.decode(tensor) for alias, tensor in inputs.items()}
    counts = {len(array) for array in arrays.values() if array.ndim}
    for row in range(min(counts, default=1)):
        example = protos.Example()
        for alias, array in arrays.items():
            values = np.ravel(array[row] if array.ndim else array)
            _fill(example.features.feature[alias], values)
        yield example.SerializeToString()


def _fill(feature: Any, values: np.ndarray) -> None:
    if values.dtype.kind in "OSU":
        feature.bytes_list.value.extend(bytes(value) for value in values)
    elif values.dtype.kind in "iub":
        # tf.Example has no other integers; what is beyond int64 wraps around.
        feature.int64_list.value.extend(values.astype(np.int64).tolist())
    else:
        feature.float_list.value.extend(values.astype(np.float32).tolist())


if __name__ == "__main__":
    main(prog_name="python -m serving.request_logs.to_examples")
