"""The committed descriptors, and their peace with TensorFlow's own."""

import re
import subprocess
import sys

import pytest

from scripts import descriptors
from serving.client import protos
from tests.support.repository import ROOT

_NAMED = re.compile(r"\bprotos\.([A-Z][a-z]\w+)")

# Bare namespace packages: their generated modules load without the TensorFlow runtime
# and register the same names in protobuf's default pool as `import tensorflow` does.
THEIRS = """
import importlib.util, sys, types
for name in ("tensorflow", "tensorflow_serving"):
    spec = importlib.util.find_spec(name)
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = list(spec.submodule_search_locations)
from tensorflow_serving.apis import predict_pb2
from tensorflow.core.framework import tensor_pb2
"""
OURS = """
from serving.client import protos
request = protos.PredictRequest()
request.inputs["x"].float_val.append(1.5)
"""
BOTH = """
theirs = predict_pb2.PredictRequest.FromString(request.SerializeToString())
assert theirs.inputs["x"].float_val[0] == 1.5
back = protos.PredictRequest.FromString(theirs.SerializeToString())
assert back.inputs["x"].float_val[0] == 1.5
assert type(back) is not type(theirs)
"""


@pytest.mark.parametrize("first, second", [(OURS, THEIRS), (THEIRS, OURS)])
def test_messages_live_beside_tensorflow_s_in_both_import_orders(
    first: str, second: str
) -> None:
    subprocess.run([sys.executable, "-c", first + second + BOTH], check=True)


def test_committed_descriptors_equal_what_the_installed_packages_give() -> None:
    committed = protos.DESCRIPTORS_PATH.read_bytes()
    assert committed == descriptors.serialized_descriptors(), (
        "run: python -m scripts.descriptors"
    )


def _named_in_the_code() -> set[str]:
    """Every `protos.Message` in a file of ours; nothing but its first use checks it."""
    folders = ("serving", "components", "pipeline", "benchmarks", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text() for path in files if path.name != "test_protos.py"]
    return {name for text in texts for name in _NAMED.findall(text)}


@pytest.mark.parametrize("name", sorted(_named_in_the_code()))
def test_every_name_of_the_facade_is_a_message(name: str) -> None:
    message = getattr(protos, name)()
    assert message.DESCRIPTOR.full_name.endswith(f".{name}")


def test_an_unknown_name_says_where_to_look() -> None:
    with pytest.raises(AttributeError, match="'PredictRequst' in any of tensorflow"):
        _ = protos.PredictRequst


def test_services_name_their_methods() -> None:
    service = protos.pool().FindServiceByName(protos.PREDICTION_SERVICE)
    assert "Predict" in service.methods_by_name
