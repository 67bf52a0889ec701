"""What `serving.client` offers, and how fast and light it starts."""

import inspect
import subprocess
import sys

import pytest

from serving import client
from serving.client import errors
from tests.support.serving.fakes import FakeServer

PROBE = """
import resource, sys
before = resource.getrusage(resource.RUSAGE_SELF)
import serving.client.blocking, serving.client.asynchronous
after = resource.getrusage(resource.RUSAGE_SELF)
heavy = {"tensorflow", "grpc", "httpx", "google.protobuf", "numpy", "click", "rich"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
seconds = [u.ru_utime + u.ru_stime for u in (before, after)]
print(seconds[1] - seconds[0])
"""


def test_every_public_error_is_exported() -> None:
    members = inspect.getmembers(errors, inspect.isclass)
    ours = (errors.ServingError, errors.CodecError)
    kinds = {name for name, kind in members if issubclass(kind, ours)}
    assert kinds == {name for name in client.__all__ if name.endswith("Error")}
    assert {getattr(client, name) for name in kinds} == {
        getattr(errors, name) for name in kinds
    }


@pytest.mark.parametrize("name", client.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(client, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Clinet'"):
        _ = client.Clinet


def _import_s() -> float:
    """CPU time of the import, which a busy machine does not stretch."""
    found = subprocess.run(
        [sys.executable, "-c", PROBE], check=True, capture_output=True, text=True
    )
    return float(found.stdout)


def test_importing_both_clients_takes_under_three_tenths_of_a_second() -> None:
    assert min(_import_s() for _ in range(3)) <= 0.3


ASK = """
import sys
from serving.client import Client
for transport in ("grpc", "rest"):
    with Client("localhost:1", transport=transport, retries=0, deadline_s=5) as client:
        try:
            client.classify(["a"])
        except Exception as error:
            assert type(error).__name__ == "UnavailableError", error
wanted = {"grpc", "httpx"}
assert wanted <= sys.modules.keys()
unwanted = {"tensorflow", "numpy", "pandas", "google.protobuf.descriptor_pb2"}
unwanted.add("google_crc32c")  # the client extra has none
assert not unwanted & sys.modules.keys(), unwanted & sys.modules.keys()
"""


def test_asking_with_texts_needs_no_tensorflow_and_not_even_numpy() -> None:
    subprocess.run([sys.executable, "-c", ASK], check=True)


OURS = """
import sys
import numpy as np
from serving.client import protos
from serving.client.wire import tensors
from serving.client import Client
with Client(sys.argv[1]) as client:
    assert client.classify(["ab"])[0].label == "billing"
    assert client.predict({"x": np.float32([1])}, "half")["y"].tolist() == [0.5]
"""
THEIRS = """
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2
"""
BOTH = """
request = predict_pb2.PredictRequest()
request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.5]))
ours = protos.PredictRequest.FromString(request.SerializeToString())
assert tensors.decode(ours.inputs["x"]).tolist() == [1.5]
tensors.encode_into(ours.inputs["z"], ["ö"])
theirs = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
assert tf.make_ndarray(theirs.inputs["z"]).tolist() == ["ö".encode()]
with Client(sys.argv[1]) as client:
    assert client.metadata().version == 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("first, second", [(OURS, THEIRS), (THEIRS, OURS)])
def test_the_client_lives_beside_tensorflow_in_both_import_orders(
    fake_server: FakeServer, first: str, second: str
) -> None:
    command = [sys.executable, "-c", first + second + BOTH, fake_server.grpc_endpoint]
    subprocess.run(command, check=True, timeout=100)
