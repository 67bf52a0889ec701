"""Request logs as warm-up files."""

import pathlib
from typing import Any

import click
import click.testing
import numpy as np
import pytest

from model import contract
from serving.client import protos
from serving.formats.tfrecord import read_records, write_record
from serving.request_logs import to_examples, to_warmup


def run(*arguments: str) -> tuple[int, str]:
    """Gives the exit status and what was said."""
    result = click.testing.CliRunner().invoke(to_warmup.main, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize("command", [to_warmup.main, to_examples.main])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_both_commands_explain_themselves(command: click.Command, option: str) -> None:
    result = click.testing.CliRunner().invoke(command, [option])
    assert result.exit_code == 0
    assert "--output" in result.output


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
    log_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    output = tmp_path / "1" / contract.WARMUP_FILE
    assert run(str(log_file), "--output", str(output)) == (
        0,
        f"{output}: 2 requests\n",
    )
    chosen = [protos.PredictionLog.FromString(r) for r in read_records(output)]
    values = [log.predict_log.request.inputs["x"].tensor_content for log in chosen]
    assert np.frombuffer(b"".join(values), np.float32).tolist() == [5, 6]
    assert not any(log.predict_log.HasField("response") for log in chosen)


def test_a_chosen_warmup_file_warms_up(
    log_file: pathlib.Path, tmp_path: pathlib.Path, plain: Any
) -> None:
    from serving.server.loading import warmup

    output = tmp_path / "1" / contract.WARMUP_FILE
    arguments = [str(log_file), "--output", str(output), "--max-records", "1"]
    assert run(*arguments)[0] == 0
    report: Any = warmup.warm_up(plain, str(tmp_path / "1"))
    assert getattr(report, "count", report) == 1


def test_what_is_no_request_is_left_out_and_named(
    log_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with log_file.open("ab") as file:
        for record in (b"\xff\xff", b"", protos.PredictionLog().SerializeToString()):
            write_record(file, record)
        file.write(b"half a record")
    output = tmp_path / "warmup"
    status, said = run(str(log_file), "--output", str(output))
    assert status == 0
    assert len(list(read_records(output))) == 2
    assert "record 4 is no PredictionLog" in said
    assert "6 records before it are used" in said


def test_a_warmup_file_can_be_for_one_model(
    log_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    arguments = [str(log_file), "--output", str(tmp_path / "w"), "--model-name"]
    nothing = "No request was found; nothing is written.\n"
    assert run(*arguments, "other") == (1, nothing)
    assert not (tmp_path / "w").exists()
    assert run(*arguments, "m")[0] == 0


def test_more_records_than_a_server_takes_are_refused(log_file: pathlib.Path) -> None:
    status, said = run(str(log_file), "--output", "w", "--max-records", "1001")
    assert status == 2
    assert "must be from 1 to 1000" in said
