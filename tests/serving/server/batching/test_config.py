"""BatchingParameters: defaults, limits, and upstream's words for what cannot be."""

import pathlib

import pytest

from serving.server.batching.config import BatchingConfig
from serving.server.status import Code, StatusError


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "batching.config"


def test_absent_parameters_have_upstream_s_defaults() -> None:
    config = BatchingConfig.from_text("")
    assert (config.max_batch_size, config.batch_timeout_micros) == (1000, 0)
    assert (config.max_enqueued_batches, config.allowed_batch_sizes) == (10, ())
    assert config.largest_batch == config.max_batch_size
    assert not config.pad_variable_length_inputs


def test_every_parameter_is_read() -> None:
    text = """
      max_batch_size { value: 64 } batch_timeout_micros { value: 500 }
      max_enqueued_batches { value: 7 } num_batch_threads { value: 3 }
      thread_pool_name { value: "shared" } allowed_batch_sizes: [8, 32]
      pad_variable_length_inputs: true enable_large_batch_splitting { value: true }
      max_execution_batch_size { value: 32 }
    """
    assert BatchingConfig.from_text(text) == BatchingConfig(
        max_batch_size=64,
        batch_timeout_micros=500,
        max_enqueued_batches=7,
        num_batch_threads=3,
        thread_pool_name="shared",
        allowed_batch_sizes=(8, 32),
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
        max_execution_batch_size=32,
    )


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [2, 3]",
            "Last entry in allowed_batch_sizes must match max_batch_size; "
            "last entry was 3; expected 4",
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [3, 2, 4]",
            "allowed_batch_sizes entries must be monotonically increasing; "
            "received [3, 2, 4]",
        ),
        ("max_batch_size { value: 0 }", "max_batch_size must be positive; was 0"),
        ("max_enqueued_batches { value: -1 }", "max_enqueued_batches must be positive"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be non-neg"),
        (
            "max_batch_size { value: 4 } max_execution_batch_size { value: 5 }",
            "max_execution_batch_size must be from 1 to max_batch_size (4); was 5",
        ),
    ],
)
def test_impossible_parameters_are_refused(
    file: pathlib.Path, text: str, message: str
) -> None:
    file.write_text(text)
    with pytest.raises(StatusError) as caught:
        BatchingConfig.from_file(file)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "num_batch_threads { value: 0 }",
        "enable_large_batch_splitting { value: false } "
        "max_execution_batch_size { value: 5 }",
        "max_execution_batch_size { value: 0 }",
    ],
)
def test_what_upstream_passes_over_in_a_file_is_left_out(text: str) -> None:
    read = BatchingConfig.from_text(text)
    assert (read.num_batch_threads, read.max_execution_batch_size) == (None, None)
    assert read.threads >= 1
    assert read.largest_batch == read.max_batch_size


def test_a_file_that_does_not_parse_is_named(file: pathlib.Path) -> None:
    file.write_text("max_batch_size: { value: 'x' }")
    with pytest.raises(StatusError, match=f"Invalid protobuf file: '{file}'"):
        BatchingConfig.from_file(file)


@pytest.mark.parametrize("rows, size", [(1, 2), (2, 2), (3, 8), (8, 8)])
def test_a_batch_grows_to_the_next_allowed_size(rows: int, size: int) -> None:
    config = BatchingConfig(max_batch_size=8, allowed_batch_sizes=(2, 8))
    assert config.padded_size(rows) == size
    assert BatchingConfig().padded_size(rows) == rows
