"""Request logs as data for skew checks."""

import pathlib
import tempfile

import click.testing
import numpy as np
import pytest

from serving.client import protos
from serving.formats.tfrecord import read_records
from serving.request_logs import to_examples
from tests.support.serving.server.observed import predict_request


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


def test_the_command_writes_an_example_per_row(
    log_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    output = tmp_path / "examples.tfrecord"
    result = click.testing.CliRunner().invoke(
        to_examples.main, [str(log_file), "--output", str(output)]
    )
    assert (result.exit_code, result.output) == (0, f"{output}: 3 examples\n")
    found = [protos.Example.FromString(record) for record in read_records(output)]
    assert [e.features.feature["x"].float_list.value[0] for e in found] == [5, 5, 6]


def test_the_command_says_that_there_was_no_example_or_no_log(
    tmp_path: pathlib.Path,
) -> None:
    empty, output = tmp_path / "empty", str(tmp_path / "output")
    empty.touch()
    run = click.testing.CliRunner().invoke
    nothing = run(to_examples.main, [str(empty), "--output", output])
    assert (nothing.exit_code, nothing.output) == (1, f"{output}: 0 examples\n")
    absent = run(to_examples.main, [str(tmp_path / "absent"), "--output", output])
    assert absent.exit_code == 1
    assert absent.output.endswith("absent: No such file or directory.\n")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_skew_check_sees_what_the_log_holds(
    log_file: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow_data_validation as tfdv

    # Beam tidies up after itself nowhere.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    output = tmp_path / "examples.tfrecord"
    result = click.testing.CliRunner().invoke(
        to_examples.main, [str(log_file), "--output", str(output)]
    )
    assert (result.exit_code, result.output) == (0, f"{output}: 3 examples\n")
    statistics = tfdv.generate_statistics_from_tfrecord(str(output))
    (feature,) = statistics.datasets[0].features
    assert feature.path.step == ["x"]
    assert feature.num_stats.mean == pytest.approx((5 + 5 + 6) / 3)
