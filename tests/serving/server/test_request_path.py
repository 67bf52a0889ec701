"""How far a request goes through our code, from the socket to the answer."""

import json
import pathlib
import socket
import time
from collections.abc import Callable, Iterator

import grpc
import numpy as np
import pytest

from model import contract
from serving.client import protos
from serving.client.wire import tensors
from serving.server.batching.config import BatchingConfig
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from tests.support.serving.fakes import MODEL, FakeServable, FakeServer, fake_loader
from tests.support.serving.server.request_path import Passage, Probe

LIMIT_S = 10


class Watched:
    """A server with an access log, whose lines say when a request has ended."""

    def __init__(self, server: FakeServer, probe: Probe, log: pathlib.Path) -> None:
        self.server = server
        self._probe = probe
        self._log = log

    def passage(self, ask: Callable[[], bytes]) -> Passage:
        """What the second request calls, from the socket to the end of its record."""
        assert ask()
        self._wait_for_lines(1)
        with self._probe.watching() as passage:
            assert ask()
            self._wait_for_lines(2)
        return passage

    def _wait_for_lines(self, count: int) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while self._log.read_bytes().count(b"\n") < count:
            assert time.monotonic() < deadline_s, "a request was not logged"
            time.sleep(0.01)


def _batched(entry: ModelEntry, version: ServedVersion) -> FakeServable:
    servable = fake_loader(entry, version)
    servable.batching = BatchingConfig()
    return servable


@pytest.fixture(params=[False, True], ids=["alone", "batched"])
def watched(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> Iterator[Watched]:
    probe, log = Probe(), tmp_path / "access.log"
    server = FakeServer(
        tmp_path / "model",
        loader=_batched if request.param else fake_loader,
        access_log_file=str(log),
    )
    with probe.installed(), server:
        yield Watched(server, probe, log)


def test_a_rest_predict_passes_few_files(watched: Watched) -> None:
    body = json.dumps({"instances": ["a text"]}).encode()
    head = f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: server\r\n"
    sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with socket.create_connection(("127.0.0.1", watched.server.rest_port)) as client:

        def ask() -> bytes:
            client.sendall(sent)  # in one piece: every other costs some calls
            answer = client.recv(65536)
            while not answer.endswith(b"}"):
                answer += client.recv(65536)
            return answer

        passage = watched.passage(ask)
    assert 10 < len(passage.files) <= 20, str(passage)
    assert passage.num_calls <= 150, str(passage)


def test_a_grpc_predict_passes_few_files(watched: Watched) -> None:
    request = protos.PredictRequest()
    request.model_spec.name = MODEL
    texts = tensors.encode(np.array([b"a text"], object))
    request.inputs[contract.TEXT].CopyFrom(texts)
    content = request.SerializeToString()
    with grpc.insecure_channel(watched.server.grpc_endpoint) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        passage = watched.passage(lambda: call(content))
    assert 8 < len(passage.files) <= 16, str(passage)
    assert passage.num_calls <= 120, str(passage)
