"""A REST predict body becomes tensors, by upstream's rules and with its words."""

import dataclasses
from collections.abc import Mapping
from typing import TypeGuard

import numpy as np

from serving.client import protos
from serving.server.json_format import parser, ragged, tensor
from serving.server.json_format.exact_parser import Json, JsonObject
from serving.server.json_format.text import echo, is_base64
from serving.server.status import StatusError, invalid_argument

SIGNATURE_NAME, INSTANCES, INPUTS = "signature_name", "instances", "inputs"


@dataclasses.dataclass(frozen=True)
class PredictBody:
    """What a body asks for. `is_row` says in which format the answer goes back."""

    signature_name: str
    inputs: dict[str, np.ndarray]
    is_row: bool


def parse_object(body: bytes) -> JsonObject:
    """Reads the JSON object that a body must be."""
    try:
        document = parser.parse(body)
    except parser.JsonError as error:
        raise invalid_argument(str(error)) from None
    if not isinstance(document, dict):
        raise format_error(document, "Is not object")
    return document


def format_error(value: Json, what: str) -> StatusError:
    """Puts a value of the wrong form into upstream's frame."""
    return invalid_argument(f"JSON Value: {echo(value)} {what}")


def signature_name(document: JsonObject) -> str:
    """Returns the signature that a body names, or an empty string."""
    name = document.get(SIGNATURE_NAME, "")
    if not isinstance(name, str):
        raise format_error(
            document,
            "not formatted correctly. 'signature_name' key must be a string value.",
        )
    return name


@dataclasses.dataclass(frozen=True)
class PredictDocument:
    """A predict body that is JSON, not compared with any signature yet."""

    document: JsonObject
    signature_name: str

    def tensors(self, infos: Mapping[str, "protos.TensorInfo"]) -> PredictBody:
        """Returns the tensors, given the TensorInfos of the signature's inputs by name.

        Raises:
            StatusError: the body does not fit the signature.
        """
        document, name = self.document, self.signature_name
        if not infos:
            raise invalid_argument(
                f"Failed to get input map for signature: {name or 'DEFAULT'}"
            )
        if INSTANCES in document and INPUTS in document:
            raise format_error(
                document,
                "Not formatted correctly expecting only one of 'inputs' or "
                "'instances' keys to exist ",
            )
        if INSTANCES in document:
            is_padded = document.get(ragged.PAD_RAGGED) is True
            instances = _checked_instances(document)
            tensors = rows_to_tensors(instances, infos, is_padded=is_padded)
            return PredictBody(name, tensors, is_row=True)
        if INPUTS in document:
            tensors = columns_to_tensors(document[INPUTS], infos)
            return PredictBody(name, tensors, is_row=False)
        raise invalid_argument("Missing 'inputs' or 'instances' key")


def read_predict(body: bytes) -> PredictDocument:
    """Reads a predict body as far as that needs no model.

    Raises:
        StatusError: it is not a JSON object, or `signature_name` is not a string.
    """
    document = parse_object(body)
    return PredictDocument(document, signature_name(document))


def _checked_instances(document: JsonObject) -> list[Json]:
    instances = document[INSTANCES]
    if not isinstance(instances, list):
        raise format_error(document, "Expecting 'instances' to be an list/array")
    if not instances:
        raise format_error(document, "No values in 'instances' array")
    return instances


def rows_to_tensors(
    instances: list[Json],
    infos: Mapping[str, "protos.TensorInfo"],
    *,
    is_padded: bool = False,
) -> dict[str, np.ndarray]:
    """Reads `instances`: one item per row, all of one shape; the batch comes first.

    With `is_padded` shorter lists are filled up first.
    """
    first = instances[0]
    if not isinstance(first, dict) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    if _is_named(first):
        return _named_rows(instances, infos, is_padded=is_padded)
    name, info = next(iter(infos.items()))
    if is_padded:
        instances = ragged.pad_ragged(instances, info.dtype)
    fast = tensor.try_fast(instances, info.dtype)
    if fast is not None:
        return {name: fast}
    builder = tensor.RowBuilder(info.dtype)
    for index, item in enumerate(instances):
        if _is_named(item):
            raise invalid_argument(
                f"Expecting value/list but got object at item {index} of input list"
            )
        with _located(f"Failed to process element: {index} of 'instances' list."):
            builder.add(item)
    return {name: builder.tensor()}


def _named_rows(
    instances: list[Json], infos: Mapping[str, "protos.TensorInfo"], *, is_padded: bool
) -> dict[str, np.ndarray]:
    columns = _plain_columns(instances, infos)
    if columns is not None and is_padded:
        columns = {
            name: ragged.pad_ragged(column, infos[name].dtype)
            for name, column in columns.items()
        }
        rows = zip(*columns.values(), strict=True)
        instances = [dict(zip(columns, row, strict=True)) for row in rows]
    if columns is not None:
        found = {n: tensor.try_fast(columns[n], i.dtype) for n, i in infos.items()}
        tensors = {name: array for name, array in found.items() if array is not None}
        if len(tensors) == len(found):
            return tensors
    return _exact_named_rows(instances, infos)


def _plain_columns(
    instances: list[Json], infos: Mapping[str, "protos.TensorInfo"]
) -> dict[str, list[Json]] | None:
    """Returns the values by name, if all items are objects with just these names."""
    names, rows = infos.keys(), []
    for item in instances:
        if type(item) is not dict or item.keys() != names or is_base64(item):
            return None
        rows.append(item)
    return {name: [row[name] for row in rows] for name in names}


def _exact_named_rows(
    instances: list[Json], infos: Mapping[str, "protos.TensorInfo"]
) -> dict[str, np.ndarray]:
    builders = {n: tensor.RowBuilder(info.dtype) for n, info in infos.items()}
    names = ",".join(sorted(infos))
    for index, item in enumerate(instances):
        if not _is_named(item):
            raise invalid_argument(
                f"Expecting object but got list at item {index} of input list"
            )
        for name, value in item.items():
            where = (
                f"Failed to process element: {index} key: {name} of 'instances' list."
            )
            with _located(where):
                if name not in builders:
                    raise invalid_argument(
                        f"JSON object: does not have named input: {name}"
                    )
                builders[name].add(value)
        if item.keys() != infos.keys():
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. "
                f"JSON object: {echo(item)} keys must be equal to: {names}"
            )
    return {name: builder.tensor() for name, builder in builders.items()}


def columns_to_tensors(
    value: Json, infos: Mapping[str, "protos.TensorInfo"]
) -> dict[str, np.ndarray]:
    """Reads `inputs`: tensors of any shape; names beyond the signature's pass."""
    if not _is_named(value):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        name, info = next(iter(infos.items()))
        return {name: tensor.to_tensor(value, info.dtype)}
    for name in infos:
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    return {n: tensor.to_tensor(value[n], i.dtype) for n, i in infos.items()}


def _is_named(value: Json) -> TypeGuard[JsonObject]:
    """Says whether it is an object of named tensors, and does not stand for bytes."""
    return isinstance(value, dict) and not is_base64(value)


class _located:
    """Says where an error happened; its cause keeps its status name, as upstream's."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, StatusError):
            text = f"{self._where} Error: {error.code.name}: {error.message}"
            raise invalid_argument(text) from None
