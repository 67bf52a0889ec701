"""The classifier as one self-contained TFLite file for devices.

The formulation that computes the same in every runtime is in `model/layers.py`; here
are the converter's settings, the check of what came out, and the packing.
"""

import io
import tempfile
import types
import zipfile
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from model import contract, encoder
from model.export import int8

SUPPORTED_OPS = types.MappingProxyType(
    {
        "ADD": 1,
        "BATCH_MATMUL": 1,
        "CAST": 1,
        "CONCATENATION": 1,
        "DEQUANTIZE": 5,
        "EQUAL": 1,
        "FLOOR_MOD": 1,
        "FULLY_CONNECTED": 1,
        "GATHER": 2,
        "GELU": 1,
        "LESS": 1,
        "MEAN": 1,
        "MUL": 1,
        "NEG": 1,
        "REDUCE_MAX": 1,
        "RESHAPE": 1,
        "RSQRT": 1,
        "SELECT": 1,
        "SOFTMAX": 1,
        "SPLIT": 1,
        "SQUARED_DIFFERENCE": 1,
        "STRIDED_SLICE": 1,
        "SUM": 1,
        "TRANSPOSE": 1,
    }
)
"""Builtins, and their newest version, that were run in tflite-runtime 2.14, the oldest
runtime, and agreed. Add one only after it did: some run there and compute garbage."""

_SHORTEST_LENGTH = 16
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def length_buckets(max_sequence_length: int) -> tuple[int, ...]:
    """Lists the lengths worth a signature each: the longest, then halves down to 16.

    Time on the device is linear in the length, and weights are shared.
    """
    lengths = [max_sequence_length]
    while lengths[0] // 2 >= _SHORTEST_LENGTH:
        lengths.insert(0, -(-lengths[0] // 2))
    return tuple(lengths)


def convert(
    classifier: keras.Model, *, lengths: Sequence[int] = (16, 32, 64), quantize: bool
) -> bytes:
    """Converts to TFLite builtins, one signature per length.

    A signature takes `token_ids` int32 `[1, length]`, padded with 0, and gives
    `scores` float32 `[1, C]`, probabilities in label order. Longer text needs more
    time, so a device takes the shortest signature that fits.

    Args:
        classifier: float32, `token_ids` `[B, T]` -> logits `[B, C]`.
        lengths: ascending; the last is the `max_sequence_length` of the device.
        quantize: keep weights as int8, a quarter of the size: `model.export.int8`.

    Raises:
        ValueError: the result needs an operation that the oldest runtime lacks.
    """
    with tempfile.TemporaryDirectory() as saved_model_dir:
        keys = _write_saved_model(classifier, lengths, saved_model_dir)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            saved_model_dir, signature_keys=keys
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        model = converter.convert()
    if quantize:
        model = int8.quantize_weights(model)
    _check_ops(model)
    return model


def pack(
    model: bytes,
    *,
    vocabulary: Sequence[str],
    labels: Sequence[str],
    tokenizer_config: contract.TokenizerConfig,
    rejection: contract.Rejection | None = None,
) -> bytes:
    """Appends what a device needs beside the model, so that one file is enough.

    The runtimes ignore what follows the model; `unzip` and `serving.edge` find it.
    Equal arguments give equal bytes. Without a `rejection` there is no file of it. A
    digest ties all of them together, so that a device refuses what was damaged.
    """
    parts = {
        contract.VOCABULARY_FILE: "".join(f"{token}\n" for token in vocabulary),
        contract.LABELS_FILE: "".join(f"{label}\n" for label in labels),
        contract.TOKENIZER_FILE: tokenizer_config.to_json() + "\n",
    }
    if rejection is not None:
        parts[contract.REJECTION_FILE] = rejection.to_json() + "\n"
    contents = {name: text.encode() for name, text in parts.items()}
    parts[contract.DIGEST_FILE] = contract.digest_of(model, contents) + "\n"
    packed = io.BytesIO(model)
    with zipfile.ZipFile(packed, "a") as archive:  # Stored: zlib's versions differ.
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), text)
    return packed.getvalue()


def operations(model: bytes) -> dict[str, int]:
    """Lists the operations of a TFLite model and the newest version of each."""
    names = {
        code: name
        for name, code in vars(schema.BuiltinOperator).items()
        if not name.startswith("_")
    }
    found: dict[str, int] = {}
    for operator in schema.ModelT.InitFromPackedBuf(model, 0).operatorCodes:
        custom = (operator.customCode or b"").decode()
        code = max(operator.builtinCode, operator.deprecatedBuiltinCode)
        name = custom or names[code]
        found[name] = max(found.get(name, 0), operator.version)
    return found


def _check_ops(model: bytes) -> None:
    unsupported = {
        name: version
        for name, version in operations(model).items()
        if version > SUPPORTED_OPS.get(name, 0)
    }
    if unsupported:
        raise ValueError(
            f"The converted model uses operations (and versions) {unsupported}, which "
            "are not known to work in tflite-runtime 2.14. Write the layer with "
            "others, or run them there, compare, and add them to SUPPORTED_OPS."
        )


def _write_saved_model(
    classifier: keras.Model, lengths: Sequence[int], saved_model_dir: str
) -> list[str]:
    # Not from_concrete_functions: it silently writes a model without weights.
    archive = keras.export.ExportArchive()
    archive.track(classifier)
    keys = [f"length_{length}" for length in lengths]
    for key, length in zip(keys, lengths, strict=True):
        spec = tf.TensorSpec((1, length), tf.int32, contract.TOKEN_IDS)
        archive.add_endpoint(key, _scorer(classifier), input_signature=[spec])
    archive.write_out(saved_model_dir, verbose=False)
    return keys


def _scorer(classifier: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    def score(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = classifier(token_ids, training=False)
        return {contract.SCORES: encoder.scores(logits)}

    return score
