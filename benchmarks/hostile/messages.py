"""gRPC messages: valid ones for any signature, and many ways to spoil them."""

import random
from collections.abc import Callable
from typing import Any

from benchmarks.hostile.bodies import Signatures, spoiled_bytes
from serving.client import protos

_PREDICTION = f"/{protos.PREDICTION_SERVICE}/"
_MODEL = f"/{protos.MODEL_SERVICE}/"
_FIELDS = (
    "float_val double_val int_val string_val int64_val bool_val uint32_val uint64_val "
    "half_val scomplex_val dcomplex_val"
).split()
_SIZES = [-(2**63), -5, -1, 0, 1, 2, 3, 1000, 2**20, 2**31, 2**40, 2**62, 2**63 - 1]
_NAMES = ["", "x", "\u0000", "é" * 200, "a/b:c", "../..", "%s%n", "serving_default"]


class Messages:
    """Makes `(method, bytes)` for one model."""

    def __init__(self, model_name: str, signatures: Signatures) -> None:
        self._model_name = model_name
        self._signatures = signatures
        self._makers: list[Callable[[random.Random], tuple[str, Any]]] = [
            *[self._predict] * 6,
            *[self._classify] * 2,
            self._regress,
            *[self._multi_inference] * 2,
            self._metadata,
            self._status,
            self._reload,
            self._health,
        ]

    def spoiled(self, rng: random.Random) -> tuple[str, bytes]:
        """A call with something wrong in it, nearly always."""
        method, message = rng.choice(self._makers)(rng)
        content = message.SerializeToString()
        # A broken reload message may be a whole one that takes all models away.
        if rng.random() < 0.4 and not method.endswith("ReloadConfigRequest"):
            content = spoiled_bytes(rng, content)
        if rng.random() < 0.03:
            method = rng.choice(
                ["/", "/x", "//", _PREDICTION + "predict", _MODEL + "X"]
            )
        return method, content

    def _spec(self, rng: random.Random, spec: Any, signature_name: str = "") -> None:
        spec.name = self._model_name
        spec.signature_name = signature_name
        if rng.random() < 0.8:
            return
        change = rng.randrange(5)
        if change == 0:
            spec.name = rng.choice(_NAMES)
        elif change == 1:
            spec.version.value = rng.choice(_SIZES)
        elif change == 2:
            spec.version_label = rng.choice(_NAMES)
        elif change == 3:
            spec.signature_name = rng.choice(_NAMES)
        else:
            spec.Clear()

    def _predict(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.PredictRequest()
        name = rng.choice(sorted(self._signatures))
        self._spec(rng, request.model_spec, name)
        for alias, info in self._signatures[name].inputs.items():
            _fill_tensor(rng, request.inputs[alias], info)
            if rng.random() < 0.5:
                _spoil_tensor(rng, request.inputs[alias])
        if rng.random() < 0.1:
            _spoil_tensor(rng, request.inputs[rng.choice(_NAMES)])
        if rng.random() < 0.1:
            request.output_filter.extend(rng.choices(_NAMES, k=2))
        return _PREDICTION + "Predict", request

    def _classify(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.ClassificationRequest()
        self._spec(rng, request.model_spec, rng.choice(sorted(self._signatures)))
        _fill_input(rng, request.input)
        return _PREDICTION + "Classify", request

    def _regress(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.RegressionRequest()
        self._spec(rng, request.model_spec, rng.choice(sorted(self._signatures)))
        _fill_input(rng, request.input)
        return _PREDICTION + "Regress", request

    def _multi_inference(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.MultiInferenceRequest()
        for _ in range(rng.randrange(4)):
            task = request.tasks.add()
            self._spec(rng, task.model_spec, rng.choice(sorted(self._signatures)))
            kinds = ["classify", "regress", "predict", ""]
            task.method_name = f"tensorflow/serving/{rng.choice(kinds)}"
        _fill_input(rng, request.input)
        return _PREDICTION + "MultiInference", request

    def _metadata(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.GetModelMetadataRequest()
        self._spec(rng, request.model_spec)
        request.metadata_field.extend(rng.choices(["signature_def", *_NAMES], k=2))
        return _PREDICTION + "GetModelMetadata", request

    def _status(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.GetModelStatusRequest()
        self._spec(rng, request.model_spec)
        return _MODEL + "GetModelStatus", request

    def _reload(self, rng: random.Random) -> tuple[str, Any]:
        """Only what must be refused: anything else would be obeyed."""
        request = protos.ReloadConfigRequest()
        kind = rng.randrange(4)
        if kind == 0:
            return _MODEL + "HandleReloadConfigRequest", request
        added = request.config.model_config_list.config.add(name=self._model_name)
        added.base_path = "/nowhere" if kind == 1 else rng.choice(["", "a/b", "\n"])
        added.model_platform = "" if kind == 1 else rng.choice(["tensorflow", "caffe"])
        return _MODEL + "HandleReloadConfigRequest", request

    def _health(self, rng: random.Random) -> tuple[str, Any]:
        request = protos.HealthCheckRequest(service=rng.choice(_NAMES))
        return f"/{protos.HEALTH_SERVICE}/Check", request


def _fill_tensor(rng: random.Random, tensor: Any, info: Any) -> None:
    """What the signature asks for, with one to three rows."""
    rows = rng.choice([1, 1, 2, 3])
    sizes = [max(dim.size, 1) for dim in info.tensor_shape.dim]
    if sizes:
        sizes[0] = rows if info.tensor_shape.dim[0].size < 0 else sizes[0]
    tensor.dtype = info.dtype
    tensor.tensor_shape.SetInParent()
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    name = protos.enum(protos.DATA_TYPE).Name(info.dtype)
    if name == "DT_STRING":
        tensor.string_val.extend([rng.randbytes(rng.randrange(9))] * rows)
    elif name == "DT_FLOAT":
        tensor.float_val.extend([rng.random()] * rng.choice([rows, rows, 1]))
    elif name == "DT_INT64":
        tensor.int64_val.extend([rng.randrange(100)] * rows)
    else:
        tensor.int_val.extend([rng.randrange(100)] * rows)


def _spoil_tensor(rng: random.Random, tensor: Any) -> None:
    change = rng.randrange(9)
    if change == 0:
        tensor.dtype = rng.choice([*range(30), 101, 114, 126, 200, -1])
    elif change == 1:
        tensor.tensor_shape.unknown_rank = True
    elif change == 2:
        for _ in range(rng.choice([1, 2, 40, 300])):
            tensor.tensor_shape.dim.add(size=rng.choice([1, 1, *_SIZES]))
    elif change == 3:
        _odd_size(rng, tensor)
    elif change == 4:
        tensor.tensor_content = rng.randbytes(rng.choice([1, 3, 4, 8, 100]))
    elif change == 5:
        _odd_values(rng, tensor, rng.choice(_FIELDS))
    elif change == 6:
        for field in _FIELDS:
            tensor.ClearField(field)
    elif change == 7:
        tensor.tensor_shape.Clear()
    else:
        tensor.version_number = rng.choice([-1, 1, 2**31 - 1])


def _odd_size(rng: random.Random, tensor: Any) -> None:
    del tensor.tensor_shape.dim[:]
    for _ in range(rng.choice([1, 1, 2, 3])):
        tensor.tensor_shape.dim.add(size=rng.choice(_SIZES))


def _odd_values(rng: random.Random, tensor: Any, field: str) -> None:
    values: list[Any] = [0, 1, 2**31 - 1]
    if field in ("float_val", "double_val", "scomplex_val", "dcomplex_val"):
        values = [float("nan"), float("inf"), -0.0, 1e38]
    elif field == "string_val":
        values = [b"", b"\xff\x00", b"x" * 1000]
    elif field == "bool_val":
        values = [True, False]
    elif field in ("int_val", "half_val"):
        values = [-(2**31), -1, 300, 70_000, 2**31 - 1]
    getattr(tensor, field).extend(rng.choices(values, k=rng.choice([1, 2, 50])))


def _fill_input(rng: random.Random, message: Any) -> None:
    kind = rng.randrange(4)
    if kind == 0:
        return
    examples = message.example_list.examples
    if kind == 1:
        examples = message.example_list_with_context.examples
        _fill_example(rng, message.example_list_with_context.context)
    for _ in range(rng.choice([0, 1, 1, 3])):
        _fill_example(rng, examples.add())


def _fill_example(rng: random.Random, example: Any) -> None:
    for name in rng.choices(["x", "a", "b", "raw", *_NAMES], k=rng.randrange(4)):
        feature = example.features.feature[name]
        kind = rng.randrange(4)
        if kind == 0:
            feature.float_list.value.extend([0.5] * rng.randrange(3))
        elif kind == 1:
            feature.int64_list.value.extend([7] * rng.randrange(3))
        elif kind == 2:
            feature.bytes_list.value.extend([b"\xff"] * rng.randrange(3))
