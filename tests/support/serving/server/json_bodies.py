"""Predict bodies read against the inputs of a signature that a test names."""

import json
from typing import Any

from serving.server.json_format import predict_body
from tests.support.serving.fakes import signature


def infos_of(**dtypes: str) -> dict[str, Any]:
    """Inputs of a signature, by the names of their types: `x="DT_FLOAT"`."""
    tensors = {name: (dtype, [-1]) for name, dtype in dtypes.items()}
    return dict(signature(tensors, {}).inputs)


ONE_FLOAT = infos_of(x="DT_FLOAT")
TWO_FLOATS = infos_of(a="DT_FLOAT", b="DT_FLOAT")


def parse(body: Any, infos: dict[str, Any]) -> predict_body.PredictBody:
    """What the server reads from `body`, bytes or what will be JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return predict_body.read_predict(raw).tensors(infos)
