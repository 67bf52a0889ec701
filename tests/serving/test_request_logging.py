"""Sampled requests as TFRecords: whole files, the right ones, and of use to others."""

import pathlib
import re
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving import codec, examples_from_log, protos, warmup_from_log
from serving.server.log_files import RotationConfig
from serving.server.models import LoggingConfig, ModelEntry
from serving.server.request_logging import RequestLogger
from serving.server.served_version import ServedVersion
from serving.server.status import Code
from serving.server.tfrecord import read_records, write_record

VERSION = ServedVersion("m", 7, "/models/m/7")


def predict_request(**inputs: Any) -> Any:
    request = protos.PredictRequest()
    request.model_spec.name = "m"
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(codec.encode(value))
    return request


def entry(prefix: pathlib.Path | str, rate: float = 1.0, name: str = "m") -> ModelEntry:
    logging = LoggingConfig(log_file_prefix=str(prefix), sampling_rate=rate)
    return ModelEntry(name=name, base_path=f"/models/{name}", logging=logging)


def logger_of(*entries: ModelEntry, **options: Any) -> RequestLogger:
    models = {entry.name: entry for entry in entries}
    return RequestLogger(lambda: models, **options)


def log_numbers(logger: RequestLogger, *numbers: float) -> None:
    for number in numbers:
        request = predict_request(x=np.float32([number]))
        logger.log_predict(VERSION, lambda r=request: r, protos.PredictResponse)


def finished(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.glob("*.tfrecord"))


def logs(folder: pathlib.Path) -> list[Any]:
    records = [record for path in finished(folder) for record in read_records(path)]
    return [protos.PredictionLog.FromString(record) for record in records]


def numbers(folder: pathlib.Path) -> list[float]:
    inputs = [entry.predict_log.request.inputs["x"] for entry in logs(folder)]
    return [float(codec.decode(tensor)[0]) for tensor in inputs]


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 10 seconds"
        time.sleep(0.01)


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
    assert abs(metadata.timestamp_secs - time.time()) < 60
    assert counted == [("m", Code.OK)]


def test_every_kind_of_request_can_be_logged(tmp_path: pathlib.Path) -> None:
    logger = logger_of(entry(tmp_path / "requests"))
    logger.log_predict(VERSION, protos.PredictRequest, protos.PredictResponse)
    request, response = protos.ClassificationRequest, protos.ClassificationResponse
    logger.log_classify(VERSION, request(), response())
    request, response = protos.RegressionRequest, protos.RegressionResponse
    logger.log_regress(VERSION, request(), response())
    request, response = protos.MultiInferenceRequest, protos.MultiInferenceResponse
    logger.log_multi_inference(VERSION, request(), response())
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
    wait_for(lambda: list(tmp_path.glob("*.part")))
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
    wait_for(lambda: finished(tmp_path))
    logger.close(5)
    assert numbers(tmp_path) == [1]


def test_models_and_prefixes_do_not_share_files(tmp_path: pathlib.Path) -> None:
    models = {name: entry(tmp_path / "r", name=name) for name in ("m", "n/2")}
    logger = RequestLogger(lambda: models)
    log_numbers(logger, 1)
    other = ServedVersion("n/2", 1, "/models/n/1")
    logger.log_predict(other, protos.PredictRequest, protos.PredictResponse)
    wait_for(lambda: len(list(tmp_path.glob("*.part"))) == 2)
    models.pop("n/2")
    models["m"] = entry(tmp_path / "elsewhere" / "r")
    wait_for(lambda: len(finished(tmp_path)) == 2)
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


@pytest.mark.parametrize("prefix", ["", "gs://bucket/requests"])
def test_a_prefix_that_is_no_path_turns_logging_off_and_says_so(
    prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logger_of(entry(prefix))
    assert not logger.wants("m")
    assert "Requests of m are not logged: filename_prefix must be" in caplog.text


def test_the_dice_cost_the_event_loop_less_than_a_microsecond(
    tmp_path: pathlib.Path,
) -> None:
    logger = logger_of(entry(tmp_path / "requests", 0.01))
    best = min(timeit.repeat(lambda: logger.wants("m"), number=1000, repeat=5))
    logger.close(5)
    assert best / 1000 < 10e-6  # measured: 0.2; the rest is for a busy machine


@pytest.fixture
def log_file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Two equal requests with their answers and a third, in one finished file."""
    logger = logger_of(entry(tmp_path / "requests"))
    log_numbers(logger, 5, 5, 6)
    logger.close(5)
    return finished(tmp_path)[0]


def test_the_log_is_a_warmup_file_as_it_is(
    log_file: pathlib.Path, tmp_path: pathlib.Path, plain: Any
) -> None:
    from serving.server import warmup

    file = tmp_path / "1" / warmup.WARMUP_FILE
    file.parent.mkdir(parents=True)
    log_file.rename(file)
    report: Any = warmup.warm_up(plain, str(tmp_path / "1"))
    assert getattr(report, "count", report) == 3


def test_tensorflow_reads_the_log(log_file: pathlib.Path, plain: Any) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    found = [r.numpy() for r in tf.data.TFRecordDataset(str(log_file))]
    log = prediction_log_pb2.PredictionLog.FromString(found[2])
    tensor = tf.make_ndarray(log.predict_log.request.inputs["x"])
    assert len(found) == 3
    assert tensor.tolist() == [6.0]


def test_a_warmup_file_holds_distinct_requests_without_answers(
    log_file: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "1" / "assets.extra" / "tf_serving_warmup_requests"
    assert warmup_from_log.main([str(log_file), "--output", str(output)]) == 0
    chosen = [protos.PredictionLog.FromString(r) for r in read_records(output)]
    values = [log.predict_log.request.inputs["x"].tensor_content for log in chosen]
    assert np.frombuffer(b"".join(values), np.float32).tolist() == [5, 6]
    assert not any(log.predict_log.HasField("response") for log in chosen)
    assert "2 requests" in capsys.readouterr().out


def test_a_chosen_warmup_file_warms_up(
    log_file: pathlib.Path, tmp_path: pathlib.Path, plain: Any
) -> None:
    from serving.server import warmup

    output = tmp_path / "1" / warmup.WARMUP_FILE
    arguments = [str(log_file), "--output", str(output), "--max-records", "1"]
    assert warmup_from_log.main(arguments) == 0
    report: Any = warmup.warm_up(plain, str(tmp_path / "1"))
    assert getattr(report, "count", report) == 1


def test_what_is_no_request_is_left_out_and_named(
    log_file: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_file.open("ab") as file:
        for record in (b"\xff\xff", b"", protos.PredictionLog().SerializeToString()):
            write_record(file, record)
        file.write(b"half a record")
    output = tmp_path / "warmup"
    assert warmup_from_log.main([str(log_file), "--output", str(output)]) == 0
    assert len(list(read_records(output))) == 2
    errors = capsys.readouterr().err
    assert "record 4 is no PredictionLog" in errors
    assert "6 records before it are used" in errors


def test_a_warmup_file_can_be_for_one_model(
    log_file: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(log_file), "--output", str(tmp_path / "w"), "--model-name"]
    assert warmup_from_log.main([*arguments, "other"]) == 1
    assert not (tmp_path / "w").exists()
    assert "No request was found" in capsys.readouterr().err
    assert warmup_from_log.main([*arguments, "m"]) == 0


def test_more_records_than_a_server_takes_are_refused(
    log_file: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(log_file), "--output", "w", "--max-records", "1001"]
    with pytest.raises(SystemExit):
        warmup_from_log.main(arguments)
    assert "must be from 1 to 1000" in capsys.readouterr().err


def test_a_row_of_a_predict_request_becomes_an_example(tmp_path: pathlib.Path) -> None:
    log = protos.PredictionLog()
    log.predict_log.request.CopyFrom(
        predict_request(
            text=["a", "b"],
            ids=np.int32([[1, 2], [3, 4]]),
            score=np.float64([0.5, 0.25]),
            temperature=np.float32(2),
        )
    )
    found = [protos.Example.FromString(e) for e in examples_from_log.examples([log])]
    second = found[1].features.feature
    assert len(found) == 2
    assert second["text"].bytes_list.value == [b"b"]
    assert second["ids"].int64_list.value == [3, 4]
    assert second["score"].float_list.value == [0.25]
    assert second["temperature"].float_list.value == [2]


def test_examples_of_a_classify_request_are_taken_with_their_context() -> None:
    log = protos.PredictionLog()
    given = log.classify_log.request.input.example_list_with_context
    given.context.features.feature["c"].int64_list.value.append(1)
    for value in (2, 3):
        feature = given.examples.add().features.feature
        feature["x"].int64_list.value.append(value)
    found = [protos.Example.FromString(e) for e in examples_from_log.examples([log])]
    assert [e.features.feature["c"].int64_list.value[0] for e in found] == [1, 1]
    assert [e.features.feature["x"].int64_list.value[0] for e in found] == [2, 3]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_skew_check_sees_what_the_log_holds(
    log_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    import tensorflow_data_validation as tfdv

    output = tmp_path / "examples.tfrecord"
    assert examples_from_log.main([str(log_file), "--output", str(output)]) == 0
    statistics = tfdv.generate_statistics_from_tfrecord(str(output))
    (feature,) = statistics.datasets[0].features
    assert feature.path.step == ["x"]
    assert feature.num_stats.mean == pytest.approx((5 + 5 + 6) / 3)
