"""Signatures in a TFLite file's metadata, which TensorFlow's signature_def_util writes.

They are SignatureDefs, as a SavedModel has them: aliases for clients, and the names of
the tensors behind them. Upstream serves these and no others.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError

from serving.client import protos
from serving.server.status import Code, StatusError, invalid_argument

_METADATA_NAME = b"signature_defs_metadata"
# Places of fields in the tables of TFLite's schema, which only ever grows at its end.
_MODEL_BUFFERS, _MODEL_METADATA = 12, 16
_METADATA_NAME_FIELD, _METADATA_BUFFER = 4, 6
_BUFFER_DATA = 4
# What the readers of flatbuffers and flexbuffers raise for bytes that make no sense.
_DAMAGES = (
    *(struct.error, LookupError, ValueError, TypeError),
    *(OverflowError, DecodeError),
)


def read_signatures(content: bytes) -> dict[str, Any]:
    """Reads SignatureDefs by name out of a TFLite file; none without the metadata.

    Raises:
        StatusError: INVALID_ARGUMENT in upstream's words, they are damaged.
    """
    try:
        packed = _packed_map(content)
        if packed is None:
            return {}
        signatures = {
            name: protos.SignatureDef.FromString(written)
            for name, written in _entries(packed)
        }
    except _DAMAGES as error:
        raise invalid_argument(
            "Invalid SignatureDefs found in TfLite model: Cannot parse signature def "
            f"found in flatbuffer. ({type(error).__name__}: {error})"
        ) from None
    return dict(sorted(signatures.items()))


def fit_signature(
    signature: Any, inputs: Iterable[str], outputs: Iterable[str]
) -> None:
    """Gives the signature's tensors the names that they have in the file.

    Old converters left out the `:0` at the end of a name.

    Args:
        signature: is changed.
        inputs: names of the file's input tensors.
        outputs: likewise.

    Raises:
        StatusError: INTERNAL in upstream's words, there is no such tensor.
    """
    for side, infos, names in (
        ("input", signature.inputs, frozenset(inputs)),
        ("output", signature.outputs, frozenset(outputs)),
    ):
        for alias in sorted(infos):
            name = infos[alias].name
            found = _known_name(name, names)
            if found is None:
                raise StatusError(
                    Code.INTERNAL,
                    f"Unknown tensor '{name}'.\n\tSignature {side} {alias} references "
                    f"an unknown tensor; the file has {_listed(names)}",
                )
            infos[alias].name = found


def _known_name(name: str, known: frozenset[str]) -> str | None:
    for candidate in (name, name.partition(":")[0]):
        if candidate in known:
            return candidate
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _entries(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields name and SignatureDef of each, out of a flexbuffers map."""
    from flatbuffers import flexbuffers

    found = flexbuffers.GetRoot(packed).AsMap
    for key, value in zip(found.Keys, found.Values, strict=True):
        yield key.AsKey, bytes(value.AsStringBytes)


def _packed_map(content: bytes) -> bytes | None:
    """Finds the bytes under the metadata's name, without the rest of the schema."""
    model = _Table.root(content)
    buffers = model.tables(_MODEL_BUFFERS)
    for entry in model.tables(_MODEL_METADATA):
        if entry.content(_METADATA_NAME_FIELD) == _METADATA_NAME:
            return buffers[entry.number(_METADATA_BUFFER)].content(_BUFFER_DATA)
    return None


class _Table:
    """One table of a flatbuffer; its fields by their places in the schema."""

    def __init__(self, content: bytes, position: int) -> None:
        # It comes with TensorFlow.
        from flatbuffers import table

        self._content = content
        self._table = table.Table(content, position)

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, struct.unpack_from("<I", content)[0])

    def number(self, field: int) -> int:
        """Reads an unsigned integer; 0 is left out by whoever writes."""
        offset = self._table.Offset(field)
        if not offset:
            return 0
        return int(struct.unpack_from("<I", self._content, self._table.Pos + offset)[0])

    def content(self, field: int) -> bytes:
        """Reads a text, or a list of bytes."""
        start, length = self._list(field)
        return self._content[start : start + length]

    def tables(self, field: int) -> list["_Table"]:
        """Lists the tables that a field holds."""
        start, length = self._list(field)
        places = range(start, start + 4 * length, 4)
        return [_Table(self._content, self._table.Indirect(at)) for at in places]

    def _list(self, field: int) -> tuple[int, int]:
        offset = self._table.Offset(field)
        if not offset:
            return 0, 0
        return self._table.Vector(offset), self._table.VectorLen(offset)
