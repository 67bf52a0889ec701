"""Small TFLite models for the server tests. Importing this loads TensorFlow."""

import pathlib
import tempfile
from collections.abc import Sequence

import tensorflow as tf


class EdgeModel(tf.Module):
    """Signatures for what a request may ask of an interpreter."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def serving_default(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Any number of rows."""
        return {"y": x / 2}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 3], tf.float32, name="a"),
            tf.TensorSpec([None], tf.int32, name="b"),
        ]
    )
    def two(self, a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        """Several inputs and outputs."""
        return {"sum": tf.reduce_sum(a, 1), "double": b * 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="raw")])
    def echo(self, raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Strings come back."""
        return {"raw_bytes": tf.gather(raw, tf.range(tf.shape(raw)[0]))}

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.int32, name="ids")])
    def fixed(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """One row, and an operation that takes no other number."""
        return {"longer": tf.concat([ids, tf.ones([1, 2], tf.int32)], 1)}


def save_tflite(path: pathlib.Path, signatures: Sequence[str]) -> None:
    """A file with these signatures."""
    model = EdgeModel()
    with tempfile.TemporaryDirectory() as folder:
        functions = {name: getattr(model, name) for name in signatures}
        tf.saved_model.save(model, folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        path.write_bytes(converter.convert())


def save_tflite_without_signatures(path: pathlib.Path) -> None:
    """A file that has tensors only, as old converters wrote it."""
    model = EdgeModel()
    function = model.serving_default.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    path.write_bytes(converter.convert())
