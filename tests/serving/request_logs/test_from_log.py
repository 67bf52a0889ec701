"""Request logs as warm-up files and as data for skew checks."""

import pathlib
from collections.abc import Sequence
from typing import Any

import click
import numpy as np
import pytest

from model import contract
from serving import protos
from serving.formats.tfrecord import read_records, write_record
from serving.request_logs import to_examples, to_warmup
from tests.support.serving.server.observed import (
    entry,
    finished,
    log_numbers,
    logger_of,
    predict_request,
)


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """The exit status; what it says goes where the process says it."""
    with pytest.raises(SystemExit) as ended:
        command(arguments)
    return int(ended.value.code or 0)


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
    from serving.server.loading import warmup

    file = tmp_path / "1" / contract.WARMUP_FILE
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
    output = tmp_path / "1" / contract.WARMUP_FILE
    assert run(to_warmup.main, [str(log_file), "--output", str(output)]) == 0
    chosen = [protos.PredictionLog.FromString(r) for r in read_records(output)]
    values = [log.predict_log.request.inputs["x"].tensor_content for log in chosen]
    assert np.frombuffer(b"".join(values), np.float32).tolist() == [5, 6]
    assert not any(log.predict_log.HasField("response") for log in chosen)
    assert "2 requests" in capsys.readouterr().out


def test_a_chosen_warmup_file_warms_up(
    log_file: pathlib.Path, tmp_path: pathlib.Path, plain: Any
) -> None:
    from serving.server.loading import warmup

    output = tmp_path / "1" / contract.WARMUP_FILE
    arguments = [str(log_file), "--output", str(output), "--max-records", "1"]
    assert run(to_warmup.main, arguments) == 0
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
    assert run(to_warmup.main, [str(log_file), "--output", str(output)]) == 0
    assert len(list(read_records(output))) == 2
    errors = capsys.readouterr().err
    assert "record 4 is no PredictionLog" in errors
    assert "6 records before it are used" in errors


def test_a_warmup_file_can_be_for_one_model(
    log_file: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(log_file), "--output", str(tmp_path / "w"), "--model-name"]
    assert run(to_warmup.main, [*arguments, "other"]) == 1
    assert not (tmp_path / "w").exists()
    assert "No request was found" in capsys.readouterr().err
    assert run(to_warmup.main, [*arguments, "m"]) == 0


def test_more_records_than_a_server_takes_are_refused(
    log_file: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(log_file), "--output", "w", "--max-records", "1001"]
    assert run(to_warmup.main, arguments) == 2
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
    found = [protos.Example.FromString(e) for e in to_examples.examples([log])]
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
    found = [protos.Example.FromString(e) for e in to_examples.examples([log])]
    assert [e.features.feature["c"].int64_list.value[0] for e in found] == [1, 1]
    assert [e.features.feature["x"].int64_list.value[0] for e in found] == [2, 3]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_skew_check_sees_what_the_log_holds(
    log_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    import tensorflow_data_validation as tfdv

    output = tmp_path / "examples.tfrecord"
    assert run(to_examples.main, [str(log_file), "--output", str(output)]) == 0
    statistics = tfdv.generate_statistics_from_tfrecord(str(output))
    (feature,) = statistics.datasets[0].features
    assert feature.path.step == ["x"]
    assert feature.num_stats.mean == pytest.approx((5 + 5 + 6) / 3)
