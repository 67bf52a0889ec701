"""The embedded server with a real text model, started as a child process."""

import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np
import pytest

from model import contract
from serving.client import Client
from serving.launch import RunningServer, presets, start_server

# TensorFlow is imported here and once more in the server; a busy machine needs long.
pytestmark = pytest.mark.timeout(300)

TEXTS = ["w1 w2 w3", "w77", "never heard of"]


@pytest.fixture(scope="module")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Version 1 of the text model."""
    from tests.support.serving.saved_models import save_text_model

    path = tmp_path_factory.mktemp("text_model")
    save_text_model(path / "1")
    return path


@pytest.fixture(scope="module")
def server(base_path: pathlib.Path) -> Iterator[RunningServer]:
    """The embedded server, batching on."""
    batching = dataclasses.replace(presets.BATCHING, max_batch_size=16)
    with start_server(base_path, engine="embedded", batching=batching) as running:
        yield running.wait_until_ready(180)


def test_both_transports_give_what_the_model_gives(
    server: RunningServer, base_path: pathlib.Path
) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(base_path / "1"))
    direct = loaded.signatures["serving_default"](text=tf.constant(TEXTS))
    with (
        Client(server.grpc_endpoint) as over_grpc,
        Client(server.rest_endpoint, transport="rest") as over_rest,
    ):
        for client in (over_grpc, over_rest):
            predictions = client.classify(TEXTS)
            scores = [prediction.scores for prediction in predictions]
            np.testing.assert_allclose(scores, direct[contract.SCORES], rtol=1e-5)
            labels = [prediction.label.encode() for prediction in predictions]
            assert labels == direct[contract.LABELS].numpy()[:, 0].tolist()
            is_unknown = [prediction.text_is_unknown for prediction in predictions]
            assert is_unknown == [False, False, True]


def test_a_new_version_takes_over_without_a_failed_request(
    server: RunningServer, base_path: pathlib.Path
) -> None:
    from tests.support.serving.saved_models import save_text_model

    save_text_model(base_path / "not-yet")
    with server.client(retries=0) as client:

        def ask(_: int) -> str:
            return client.classify(["w1"])[0].label

        (base_path / "not-yet").rename(base_path / "2")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            while client.metadata().version != 2:
                assert len(set(pool.map(ask, range(20)))) == 1
        states = {one.version: one.state for one in client.status()}
    assert states[2] == "AVAILABLE"
    assert states[1] in ("UNLOADING", "END")
