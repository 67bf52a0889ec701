"""Keeps the weights of a TFLite model as int8, a quarter of the size.

Weights only: each row of a matrix or a table has a scale of its own, symmetric and
without a zero point (Jacob et al. 2018, "Quantization and Training of Neural Networks
for Efficient Integer-Arithmetic-Only Inference", arXiv 1712.05877, section 2.1), and
activations stay float32. The converter's own int8 rounds activations as well, and for
runtimes as old as 2.14 takes one scale for a whole matrix: too coarse for many models.

Matrices are unpacked by DEQUANTIZE, once per loaded model, because nothing of it
changes. Of a table the rows of a text are taken first, and then unpacked.

Shapes: R rows, of which each has a scale; K numbers in a row.
"""

from collections.abc import Iterator

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_FEWEST_NUMBERS = 1024
"""Smaller ones stay as they are: scales and operations cost what rounding saves."""
_LARGEST = 127
_ALIGNMENT = 16
"""Of constants in the file, as the schema has it."""
_FILE_IDENTIFIER = b"TFL3"
_COMPUTED = 0
"""The buffer of whatever is no constant."""

_Op = schema.BuiltinOperator
_PER_TENSOR, _PER_ROW = 2, 5
"""Versions of DEQUANTIZE for int8: with one scale, and with one per row."""
_FLOAT_GATHER, _INT8_GATHER = 1, 2
_READ_AT = {_Op.FULLY_CONNECTED: 1, _Op.GATHER: 0}
"""Which input of an operation has the rows that can be rounded."""
_ANOTHER = -1
"""A reader that takes no int8."""
_LEFT_OUT = -1
"""Stands for an input that an operation can do without, such as a bias."""


def quantize_weights(model: bytes) -> bytes:
    """Rounds the matrices of FULLY_CONNECTED and the tables of GATHER to int8.

    Small constants stay as they are, and so do those that another operation reads, too,
    or both. Equal models give equal bytes.
    """
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    scales = {number: _round(parsed, number) for number in _large_weights(parsed)}
    for subgraph in parsed.subgraphs:
        _Rewriting(parsed, subgraph, scales).run()
    return _packed(parsed)


def rounded(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rounds each row to -127 ... 127 times its own scale.

    Args:
        weights: float32 `[R, K]`, or `[R]`: single numbers share one scale.

    Returns:
        int8 of that shape, and float32 scales, `[R]` or `[1]`; that of zeros is 1.
    """
    largest = np.abs(weights).max(axis=weights.ndim - 1, keepdims=True)
    scales = np.where(largest > 0, largest / _LARGEST, 1.0).astype(np.float32)
    return np.rint(weights / scales).astype(np.int8), scales.ravel()


def _large_weights(model: schema.ModelT) -> list[int]:
    """The numbers of the buffers that can be rounded, ascending."""
    readers: dict[int, set[int]] = {}
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            for place, index in enumerate(operator.inputs):
                if index != _LEFT_OUT:
                    tensor = subgraph.tensors[index]
                    reader = _reader(model, operator, place, tensor)
                    readers.setdefault(tensor.buffer, set()).add(reader)
    fits = [{kind} for kind in _READ_AT]
    return sorted(buffer for buffer, kinds in readers.items() if kinds in fits)


def _reader(
    model: schema.ModelT, operator: schema.OperatorT, place: int, tensor: schema.TensorT
) -> int:
    """The kind of operation that could as well read int8 there, or `_ANOTHER`."""
    kind, options = _kind(model, operator), operator.builtinOptions
    if place != _READ_AT.get(kind) or not _is_large(model, tensor):
        return _ANOTHER
    takes_rows = kind != _Op.GATHER or not (options.axis or options.batchDims)
    return kind if takes_rows else _ANOTHER


def _is_large(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    """Whether it is a float32 constant, a matrix or a list, of many numbers."""
    is_float = tensor.type == schema.TensorType.FLOAT32
    is_constant = model.buffers[tensor.buffer].data is not None
    if not is_constant or not is_float or np.size(tensor.shape) > 2:
        return False
    return int(np.prod(tensor.shape)) >= _FEWEST_NUMBERS


def _round(model: schema.ModelT, number: int) -> int:
    """Makes a buffer int8; gives the number of a new one, with its scales."""
    tensor = next(t for g in model.subgraphs for t in g.tensors if t.buffer == number)
    weights = _values(model, number, np.float32).reshape(tensor.shape)
    values, scales = rounded(weights)
    model.buffers[number].data = values.ravel().view(np.uint8)
    model.buffers.append(schema.BufferT(data=scales.view(np.uint8)))
    return len(model.buffers) - 1


class _Rewriting:
    """One subgraph, in which what reads a rounded buffer unpacks it first.

    `scales` maps the number of a rounded buffer to that of its scales.
    """

    def __init__(
        self, model: schema.ModelT, subgraph: schema.SubGraphT, scales: dict[int, int]
    ) -> None:
        self._model = model
        self._tensors = subgraph.tensors
        self._subgraph = subgraph
        self._scales = scales
        self._unpacked: dict[int, int] = {}

    def run(self) -> None:
        operators: list[schema.OperatorT] = []
        for operator in self._subgraph.operators:
            operators += self._rewritten(operator)
        self._subgraph.operators = operators

    def _rewritten(self, operator: schema.OperatorT) -> Iterator[schema.OperatorT]:
        """Yields the operation, with what it needs now around it."""
        kind = _kind(self._model, operator)
        weights = operator.inputs[_READ_AT[kind]] if kind in _READ_AT else None
        if weights is None or self._tensors[weights].buffer not in self._scales:
            yield operator
        elif kind == _Op.GATHER:
            yield from self._rows_taken(operator, weights)
        else:
            if weights not in self._unpacked:
                yield self._matrix_unpacked(weights)
            operator.inputs = np.array(operator.inputs)
            operator.inputs[_READ_AT[kind]] = self._unpacked[weights]
            yield operator

    def _matrix_unpacked(self, weights: int) -> schema.OperatorT:
        tensor = self._tensors[weights]
        self._unpacked[weights] = self._new(tensor.shape, tensor.name + b"/float")
        scales = self._scales_of(tensor)
        self._make_int8(weights, scales)
        operation = self._operation(_Op.DEQUANTIZE, _version(scales))
        return _operator(operation, [weights], self._unpacked[weights])

    def _rows_taken(
        self, gather: schema.OperatorT, table: int
    ) -> Iterator[schema.OperatorT]:
        """Takes the rows, and makes numbers of them."""
        result = self._tensors[gather.outputs[0]]
        scales = self._scales_of(self._tensors[table])
        own_scale = len(scales) > 1
        scale = np.ones(1, np.float32) if own_scale else scales
        rows = self._new(result.shape, result.name + b"/int8")
        for each in (table, rows):
            self._make_int8(each, scale)
        take = self._operation(_Op.GATHER, _INT8_GATHER)
        yield _operator(take, [table, gather.inputs[1]], rows, gather)
        unpack = self._operation(_Op.DEQUANTIZE, _version(scale))
        if not own_scale:
            yield _operator(unpack, [rows], gather.outputs[0])
            return
        numbers = self._new(result.shape, result.name + b"/numbers")
        yield _operator(unpack, [rows], numbers)
        yield from self._scaled(gather, table, numbers)

    def _scaled(
        self, gather: schema.OperatorT, table: int, numbers: int
    ) -> Iterator[schema.OperatorT]:
        """Takes the rows' scales, and multiplies."""
        tensor, result = self._tensors[table], self._tensors[gather.outputs[0]]
        scales = self._new(
            np.array([tensor.shape[0], 1], np.int32),
            tensor.name + b"/scales",
            self._scales[tensor.buffer],
        )
        one_each = np.array([*result.shape[:-1], 1], np.int32)
        scale = self._new(one_each, result.name + b"/scale")
        take = self._operation(_Op.GATHER, _FLOAT_GATHER)
        yield _operator(take, [scales, gather.inputs[1]], scale, gather)
        multiply = schema.OperatorT(
            builtinOptionsType=schema.BuiltinOptions.MulOptions,
            builtinOptions=schema.MulOptionsT(),
        )
        operation = self._operation(_Op.MUL, 1)
        yield _operator(operation, [numbers, scale], gather.outputs[0], multiply)

    def _scales_of(self, tensor: schema.TensorT) -> np.ndarray:
        return _values(self._model, self._scales[tensor.buffer], np.float32)

    def _make_int8(self, index: int, scales: np.ndarray) -> None:
        tensor = self._tensors[index]
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT(
            scale=scales, zeroPoint=np.zeros(len(scales), np.int64)
        )

    def _new(self, shape: np.ndarray, name: bytes, buffer: int = _COMPUTED) -> int:
        """Adds a float32 tensor and gives its index."""
        tensor = schema.TensorT(
            shape=shape,
            type=schema.TensorType.FLOAT32,
            buffer=buffer,
            name=name,
            quantization=schema.QuantizationParametersT(),
            hasRank=True,
        )
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _operation(self, kind: int, version: int) -> int:
        """The index of an operation in the model, which has it from now on."""
        codes = self._model.operatorCodes
        for index, code in enumerate(codes):
            if (code.builtinCode, code.version) == (kind, version):
                return index
        codes.append(
            schema.OperatorCodeT(
                deprecatedBuiltinCode=kind, builtinCode=kind, version=version
            )
        )
        return len(codes) - 1


def _version(scales: np.ndarray) -> int:
    """Which DEQUANTIZE it takes."""
    return _PER_TENSOR if len(scales) == 1 else _PER_ROW


def _kind(model: schema.ModelT, operator: schema.OperatorT) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


_NO_OPTIONS = schema.OperatorT()


def _operator(
    operation: int,
    inputs: list[int],
    output: int,
    like: schema.OperatorT = _NO_OPTIONS,
) -> schema.OperatorT:
    """Makes an operator; its options are those of another one."""
    return schema.OperatorT(
        opcodeIndex=operation,
        inputs=np.array(inputs, np.int32),
        outputs=np.array([output], np.int32),
        builtinOptionsType=like.builtinOptionsType,
        builtinOptions=like.builtinOptions,
    )


def _values(model: schema.ModelT, number: int, dtype: type) -> np.ndarray:
    return np.asarray(model.buffers[number].data, np.uint8).view(dtype)


def _packed(model: schema.ModelT) -> bytes:
    model.buffers = [_Aligned(each.data) for each in model.buffers]
    builder = flatbuffers.Builder(sum(np.size(each.data) for each in model.buffers))
    builder.Finish(model.Pack(builder), _FILE_IDENTIFIER)
    return bytes(builder.Output())


class _Aligned(schema.BufferT):
    """A buffer that begins where float32 and vector instructions want it to.

    The generated code aligns to a single byte.
    """

    def Pack(self, builder: flatbuffers.Builder) -> int:
        data = None
        if self.data is not None:
            payload = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(payload), _ALIGNMENT)
            builder.head -= len(payload)
            builder.Bytes[builder.head : builder.head + len(payload)] = payload
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))
