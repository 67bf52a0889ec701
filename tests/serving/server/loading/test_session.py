"""From flags to the ConfigProto of a session, without TensorFlow."""

import logging
import pathlib
from typing import Any

import pytest

from serving.server.flags import ServerFlags
from serving.server.loading.session import session_config
from serving.server.status import Code, StatusError


def _fields(**flags: Any) -> dict[str, Any]:
    return session_config(ServerFlags(model_base_path="/m", **flags))


def test_flags_that_were_not_given_say_nothing() -> None:
    assert _fields() == {}


def test_one_number_of_threads_serves_both_pools() -> None:
    intra, inter = "intra_op_parallelism_threads", "inter_op_parallelism_threads"
    assert _fields(tensorflow_session_parallelism=3) == {intra: 3, inter: 3}
    assert _fields(tensorflow_intra_op_parallelism=2) == {intra: 2}


def test_a_file_is_read_and_flags_win_over_it(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "session.pbtxt"
    file.write_text(
        "intra_op_parallelism_threads: 5 inter_op_parallelism_threads: 6 "
        "graph_options { optimizer_options { global_jit_level: ON_1 } }",
        encoding="utf-8",
    )
    found = _fields(
        tensorflow_session_config_file=str(file), tensorflow_inter_op_parallelism=2
    )
    assert found["intra_op_parallelism_threads"] == 5
    assert found["inter_op_parallelism_threads"] == 2
    assert found["graph_options"]["optimizer_options"]["global_jit_level"] == "ON_1"


def test_a_file_that_is_no_config_is_refused(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "session.pbtxt"
    file.write_text("threads: 5", encoding="utf-8")
    with pytest.raises(StatusError, match=f"Invalid protobuf file: '{file}'") as caught:
        _fields(tensorflow_session_config_file=str(file))
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_mixed_precision_is_bfloat16_or_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rewrites = {"auto_mixed_precision_onednn_bfloat16": "ON"}
    found = _fields(mixed_precision="bfloat16")
    assert found == {"graph_options": {"rewrite_options": rewrites}}
    with caplog.at_level(logging.WARNING):
        assert _fields(mixed_precision="half") == {}
    assert "half auto mixed precision is not supported. Valid option: bfloat16" in (
        caplog.text
    )


def test_gpu_memory_is_limited() -> None:
    fields = _fields(per_process_gpu_memory_fraction=0.5)
    assert fields == {"gpu_options": {"per_process_gpu_memory_fraction": 0.5}}
