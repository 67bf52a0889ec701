"""Small TFLite models for the server tests. Importing this loads TensorFlow."""

import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, Self

import flatbuffers
import numpy as np
import tensorflow as tf
from flatbuffers import flexbuffers
from tensorflow.lite.python import schema_py_generated as schema


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


class _BytesAsText(str):
    """Any bytes as flexbuffers' type for texts, where the C++ tool puts them."""

    def __new__(cls, content: bytes) -> Self:
        made = super().__new__(cls)
        made.content = content
        return made

    content: bytes

    def encode(self, *_: str) -> bytes:
        """Returns them as they are."""
        return self.content


def save_tflite_with_metadata(
    path: pathlib.Path,
    signatures: Mapping[str, bytes],
    *,
    keeps_own: bool = False,
    packed: bytes | None = None,
) -> None:
    """A file whose signatures lie in its metadata, as signature_def_util writes it.

    Args:
        path: of the file.
        signatures: SignatureDefs in bytes, by name; see `metadata_tensors`.
        keeps_own: the file has the converter's signatures, too.
        packed: these bytes instead of a map of `signatures`.
    """
    save_tflite(path, ["two"])
    model = _unpacked(path)
    if not keeps_own:
        model.signatureDefs = None
    if packed is None:
        builder = flexbuffers.Builder()
        with builder.Map():
            for name, written in signatures.items():
                builder.Key(name)
                builder.String(_BytesAsText(written))
        packed = bytes(builder.Finish())
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(packed, np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"signature_defs_metadata", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    _write(path, model)


def metadata_tensors(path: pathlib.Path) -> dict[str, str]:
    """Names of the tensors behind the inputs and outputs of `two`."""
    save_tflite(path, ["two"])
    model = _unpacked(path)
    (graph,) = model.subgraphs
    (signature,) = model.signatureDefs
    return {
        each.name.decode(): graph.tensors[each.tensorIndex].name.decode()
        for each in [*signature.inputs, *signature.outputs]
    }


def _unpacked(path: pathlib.Path) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))


def save_tflite_with_unknown_operation(path: pathlib.Path) -> None:
    """A file whose operations are those of somebody's own runtime."""
    save_tflite_without_signatures(path)
    model = _unpacked(path)
    for code in model.operatorCodes:
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = b"NobodyKnowsIt"
    for operator in model.subgraphs[0].operators:
        operator.builtinOptionsType, operator.builtinOptions = 0, None
    _write(path, model)


def _write(path: pathlib.Path, model: Any) -> None:
    built = flatbuffers.Builder(0)
    built.Finish(model.Pack(built), file_identifier=b"TFL3")
    path.write_bytes(bytes(built.Output()))
