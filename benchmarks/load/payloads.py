"""Texts to send, and requests made ready once: sending one costs next to nothing."""

import json
import pathlib
import urllib.parse
from collections.abc import Sequence

import numpy as np

from benchmarks.load.config import LoadConfig
from model import contract
from serving.client import protos
from serving.client.wire import tensors
from serving.client.wire.tf_serving_names import MODELS_PATH
from serving.text_files import reading

MAX_PREPARED = 2000


def read_texts(path: pathlib.Path, column: str = contract.TEXT) -> list[str]:
    """The texts of a table, a JSON lines file, or one a line; none is blank.

    Raises:
        ValueError: the file cannot be read, has no such column, or no text at all.
    """
    rows = reading.read_texts(path, column)
    texts = [row.text for row in rows if row.text.strip()]
    if not texts:
        raise ValueError(f"{path} holds no text.")
    return texts


def groups(texts: Sequence[str], size: int) -> list[list[str]]:
    """Each request's texts; the list is gone round where it ends too early."""
    count = min(max(len(texts) // size, 1), MAX_PREPARED)
    return [
        [texts[(number * size + i) % len(texts)] for i in range(size)]
        for number in range(count)
    ]


def grpc_payloads(config: LoadConfig, texts: Sequence[str]) -> list[bytes]:
    """Serialised PredictRequests."""
    payloads = []
    for group in groups(texts, config.texts_per_request):
        request = protos.PredictRequest()
        request.model_spec.name = config.model_name
        request.model_spec.signature_name = config.signature_name
        tensor = tensors.encode(np.array(group, dtype=object))
        request.inputs[config.input_name].CopyFrom(tensor)
        payloads.append(request.SerializeToString())
    return payloads


def rest_payloads(config: LoadConfig, texts: Sequence[str]) -> list[bytes]:
    """Whole HTTP requests, head and body."""
    name = urllib.parse.quote(config.model_name, safe="")
    payloads = []
    for group in groups(texts, config.texts_per_request):
        content = {
            "signature_name": config.signature_name,
            "instances": [{config.input_name: text} for text in group],
        }
        body = json.dumps(content, ensure_ascii=False).encode()
        head = (
            f"POST {MODELS_PATH}/{name}:predict HTTP/1.1\r\nHost: {config.endpoint}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        payloads.append(head.encode() + body)
    return payloads


def check_grpc(answer: bytes, rows: int) -> None:
    """Raises ValueError unless every output has a row for each text."""
    outputs = protos.PredictResponse.FromString(answer).outputs
    sizes = {name: tensors.decode(tensor).shape for name, tensor in outputs.items()}
    if not sizes or any(shape[:1] != (rows,) for shape in sizes.values()):
        raise ValueError(f"asked for {rows} rows, got outputs of {sizes}")


def check_rest(answer: bytes, rows: int) -> None:
    """Raises ValueError unless there is a prediction for each text."""
    predictions = json.loads(answer).get("predictions", [])
    if len(predictions) != rows:
        raise ValueError(f"asked for {rows} rows, got {len(predictions)} predictions")
