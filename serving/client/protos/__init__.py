"""TF Serving's messages without TensorFlow: `from serving.client import protos`.

`protos.PredictRequest()` and every other message in `descriptors.binpb` are ordinary
protobuf classes, made on first use. They exchange bytes with TensorFlow's classes, not
objects: their descriptor pool is private, because TensorFlow registers the same names
in protobuf's default pool. Two copies of one file in one pool are an error, and which
is first depends on import order.
"""

import functools
import pathlib
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pool, message_factory

DESCRIPTORS_PATH = pathlib.Path(__file__).with_name("descriptors.binpb")
# Field 1, wire type 2 (length-delimited).
_FILE_TAG = 1 << 3 | 2
_PACKAGES = ("tensorflow.serving", "tensorflow", "grpc.health.v1")

DATA_TYPE = "tensorflow.DataType"
ERROR_CODE = "tensorflow.error.Code"
VERSION_STATE = "tensorflow.serving.ModelVersionStatus.State"

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"
HEALTH_SERVICE = "grpc.health.v1.Health"


def __getattr__(name: str) -> Any:
    for package in _PACKAGES:
        try:
            found = message_class(f"{package}.{name}")
        except KeyError:
            continue
        globals()[name] = found  # found as any other name from now on
        return found
    raise AttributeError(f"no message {name!r} in any of {', '.join(_PACKAGES)}.")


@functools.cache
def message_class(full_name: str) -> Any:
    """Makes the class of a message; `KeyError` when the set has no such name."""
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(full_name))


@functools.cache
def enum(full_name: str) -> Any:
    """Wraps an enum, with `Name` and `Value` as generated code has them."""
    from google.protobuf.internal import enum_type_wrapper

    return enum_type_wrapper.EnumTypeWrapper(pool().FindEnumTypeByName(full_name))


@functools.cache
def pool() -> descriptor_pool.DescriptorPool:
    """Gives the pool, also for `text_format` and `json_format`."""
    private = descriptor_pool.DescriptorPool()
    for file in _files(DESCRIPTORS_PATH.read_bytes()):
        private.AddSerializedFile(file)
    return private


def _files(descriptor_set: bytes) -> Iterator[bytes]:
    """Yields the serialised files in a serialised FileDescriptorSet.

    Its only field is `repeated FileDescriptorProto file = 1`: a tag, a length, a file.
    Read by hand, because importing `descriptor_pb2` for it takes 25 ms of the first
    call of every client.
    """
    position = 0
    while position < len(descriptor_set):
        if descriptor_set[position] != _FILE_TAG:
            raise ValueError(f"{DESCRIPTORS_PATH.name} is not a FileDescriptorSet.")
        position, size, shift = position + 1, 0, 0
        more = True
        while more:  # a varint: seven bits a byte, the lowest first
            byte = descriptor_set[position]
            size |= (byte & 0x7F) << shift
            position, shift, more = position + 1, shift + 7, byte > 0x7F
        yield descriptor_set[position : position + size]
        position += size
