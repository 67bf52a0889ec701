"""Sampled requests as TFRecords: whole files, the right ones, and no more of them."""

import pathlib
import re
import time
from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.client.wire import tensors
from serving.formats.tfrecord import read_records
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.observation.request_log import RequestLogger, RotationConfig
from serving.server.status import Code
from tests.support.call_counts import count_calls
from tests.support.patience import wait_until
from tests.support.serving.server.observed import (
    VERSION,
    entry,
    finished,
    log_numbers,
    logger_of,
    predict_request,
)


def logs(folder: pathlib.Path) -> list[Any]:
    records = [record for path in finished(folder) for record in read_records(path)]
    return [protos.PredictionLog.FromString(record) for record in records]


def numbers(folder: pathlib.Path) -> list[float]:
    inputs = [entry.predict_log.request.inputs["x"] for entry in logs(folder)]
    return [float(tensors.decode(tensor)[0]) for tensor in inputs]


def test_a_model_without_logging_config_is_never_logged(
    tmp_path: pathlib.Path,
) -> None:
    logger = logger_of(ModelEntry(name="m", base_path="/models/m"))
    assert not any(logger.wants("m") for _ in range(1000))
    log_numbers(logger, 1)
    assert logger.close(5)
    assert list(tmp_path.iterdir()) == []


def test_the_sampling_rate_is_kept_per_model(tmp_path: pathlib.Path) -> None:
    rates = {"all": 1.0, "none": 0.0, "some": 0.1}
    logger = logger_of(*(entry(tmp_path / n, rate, n) for n, rate in rates.items()))
    taken = {n: sum(logger.wants(n) for _ in range(2000)) for n in (*rates, "unknown")}
    logger.close(5)
    assert taken["all"] == 2000
    assert taken["none"] == taken["unknown"] == 0
    assert 100 < taken["some"] < 350


def test_a_log_says_model_version_rate_and_time(tmp_path: pathlib.Path) -> None:
    began_s = time.time()
    counted: list[tuple[str, Code]] = []
    logger = logger_of(
        entry(tmp_path / "requests", 0.5), on_logged=lambda *call: counted.append(call)
    )
    log_numbers(logger, 3)
    logger.close(5)
    (found,) = logs(tmp_path)
    metadata = found.log_metadata
    assert (metadata.model_spec.name, metadata.model_spec.version.value) == ("m", 7)
    assert metadata.sampling_config.sampling_rate == 0.5
    assert list(metadata.saved_model_tags) == ["serve"]
    assert int(began_s) <= metadata.timestamp_secs <= time.time()
    assert counted == [("m", Code.OK)]


def test_every_kind_of_request_can_be_logged(tmp_path: pathlib.Path) -> None:
    logger = logger_of(entry(tmp_path / "requests"))
    logger.log_predict(VERSION, protos.PredictRequest, protos.PredictResponse)
    request, response = protos.ClassificationRequest, protos.ClassificationResponse
    logger.log(VERSION, request(), response())
    request, response = protos.RegressionRequest, protos.RegressionResponse
    logger.log(VERSION, request(), response())
    request, response = protos.MultiInferenceRequest, protos.MultiInferenceResponse
    logger.log(VERSION, request(), response())
    logger.close(5)
    assert [log.WhichOneof("log_type") for log in logs(tmp_path)] == [
        "predict_log",
        "classify_log",
        "regress_log",
        "multi_inference_log",
    ]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: pathlib.Path) -> None:
    logger = logger_of(entry(tmp_path / "requests"))
    log_numbers(logger, 1)
    wait_until(lambda: list(tmp_path.glob("*.part")))
    assert finished(tmp_path) == []
    logger.close(5)
    assert list(tmp_path.glob("*.part")) == []
    (file,) = finished(tmp_path)
    name = r"requests-m-[\w.]+-\d+-\d{8}T\d{6}\.\d{6}Z\.tfrecord"
    assert re.fullmatch(name, file.name)
    assert file.stat().st_mode & 0o007 == 0, "others may not read personal data"


def test_a_full_file_is_followed_by_another(tmp_path: pathlib.Path) -> None:
    logger = logger_of(
        entry(tmp_path / "requests"), rotation=RotationConfig(max_bytes=1)
    )
    log_numbers(logger, 1, 2, 3)
    logger.close(5)
    assert len(finished(tmp_path)) == 3
    assert numbers(tmp_path) == [1, 2, 3]


def test_an_old_file_is_finished_although_nothing_comes(
    tmp_path: pathlib.Path,
) -> None:
    logger = logger_of(
        entry(tmp_path / "requests"), rotation=RotationConfig(max_age_s=0.1)
    )
    log_numbers(logger, 1)
    wait_until(lambda: finished(tmp_path))
    logger.close(5)
    assert numbers(tmp_path) == [1]


def test_models_and_prefixes_do_not_share_files(tmp_path: pathlib.Path) -> None:
    models = {name: entry(tmp_path / "r", name=name) for name in ("m", "n/2")}
    logger = RequestLogger(lambda: models)
    log_numbers(logger, 1)
    other = ServedVersion("n/2", 1, "/models/n/1")
    logger.log_predict(other, protos.PredictRequest, protos.PredictResponse)
    wait_until(lambda: len(list(tmp_path.glob("*.part"))) == 2)
    models.pop("n/2")
    models["m"] = entry(tmp_path / "elsewhere" / "r")
    wait_until(lambda: len(finished(tmp_path)) == 2)
    log_numbers(logger, 2)
    logger.close(5)
    assert [p.name.split("-")[1] for p in finished(tmp_path)] == ["m", "n%2F2"]
    assert numbers(tmp_path / "elsewhere") == [2]


def test_a_message_that_cannot_be_made_costs_that_record_only(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Any:
        raise ValueError("no such tensor")

    counted: list[Code] = []
    logger = logger_of(
        entry(tmp_path / "requests"), on_logged=lambda model, code: counted.append(code)
    )
    logger.log_predict(VERSION, fail, protos.PredictResponse)
    log_numbers(logger, 2)
    logger.close(5)
    assert numbers(tmp_path) == [2]
    assert counted == [Code.INTERNAL, Code.OK]
    assert logger.dropped == 1
    assert "1 records are lost" in caplog.text


def test_large_requests_that_wait_take_bounded_memory(tmp_path: pathlib.Path) -> None:
    logger = logger_of(entry(tmp_path / "requests"), max_waiting_bytes=1000)
    request = predict_request(x=np.float32([1]))
    for _ in range(5):
        logger.log_predict(VERSION, lambda: request, protos.PredictResponse, 400)
    assert logger.dropped == 3
    logger.close(5)
    assert numbers(tmp_path) == [1, 1]


@pytest.mark.parametrize(
    "prefix", ["gs://bucket/requests", "cloud-logging://project/requests"]
)
def test_a_prefix_that_is_no_path_turns_logging_off_and_says_so(
    prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logger_of(entry(prefix))
    assert not logger.wants("m")
    assert "Requests of m are not logged: filename_prefix must be" in caplog.text


def test_the_dice_cost_the_event_loop_little(tmp_path: pathlib.Path) -> None:
    """5 calls, about 0.2 µs."""
    logger = logger_of(entry(tmp_path / "requests", 0.01))
    assert count_calls(lambda: logger.wants("m")) <= 7
    logger.close(5)
