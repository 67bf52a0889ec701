"""Requests that run after the load and before the first client."""

import pathlib
from typing import Any

import numpy as np
import pytest

from model import contract
from serving.client import protos
from serving.client.wire import tensors
from serving.formats import tfrecord
from serving.server.batching.config import BatchingConfig
from serving.server.loading import saved_model, warmup
from serving.server.loading.made_up_requests import synthesised
from serving.server.servable import Servable, WarmupReport
from serving.server.status import Code, StatusError
from tests.support.serving.fakes import signature

pytestmark = pytest.mark.timeout(300)


class Recorder(Servable):
    """Notes what it is asked, and answers a little."""

    def __init__(self, signatures: Any, batching: BatchingConfig | None = None) -> None:
        self.signatures = signatures
        self.batching = batching
        self.batchable_signatures = frozenset(signatures)
        self.asked: list[dict[str, Any]] = []

    def run(
        self, name: str, inputs: Any, outputs: Any, timeout_s: Any
    ) -> dict[str, Any]:
        self.asked.append({name: {key: v.tolist() for key, v in inputs.items()}})
        rows = len(next(iter(inputs.values())))
        return {alias: np.zeros((rows, 1), np.float32) for alias in outputs}

    def close(self) -> None:
        """Nothing to give back."""


def _write_records(path: pathlib.Path, records: list[bytes]) -> None:
    file = warmup.file_of(str(path))
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        for record in records:
            tfrecord.write_record(stream, record)


def _record(signature_name: str = "", **inputs: Any) -> bytes:
    log = protos.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature_name
    for alias, value in inputs.items():
        log.predict_log.request.inputs[alias].CopyFrom(tensors.encode(value))
    return log.SerializeToString()


def test_a_record_may_name_another_model_and_version(tmp_path: pathlib.Path) -> None:
    """Upstream compares neither, so that a record serves every later version."""
    log = protos.PredictionLog.FromString(_record(x=np.float32([5])))
    log.predict_log.request.model_spec.name = "before its renaming"
    log.predict_log.request.model_spec.version.value = 99
    _write_records(tmp_path, [log.SerializeToString()])
    number = {"x": ("DT_FLOAT", [-1])}
    recorder = Recorder({"serving_default": signature(number, number)})
    assert warmup.warm_up(recorder, str(tmp_path)) == WarmupReport(1, "file")
    assert recorder.asked == [{"serving_default": {"x": [5.0]}}]


def test_recorded_requests_run_before_the_first_client(
    plain: saved_model.SavedModelServable, tmp_path: pathlib.Path
) -> None:
    recorder = Recorder(plain.signatures)
    _write_records(tmp_path, [_record(x=np.float32([5])), b""])
    report = warmup.warm_up(recorder, str(tmp_path), iterations=2)
    assert report == WarmupReport(2, "file")
    assert recorder.asked == [{"serving_default": {"x": [5.0]}}] * 2


EXAMPLES = {"example_list": {"examples": [{}, {}]}}


def _inference_signatures() -> dict[str, Any]:
    examples = {"inputs": ("DT_STRING", [-1])}
    return {
        "serving_default": signature(examples, {"scores": ("DT_FLOAT", [-1, 1])}),
        "value": signature(examples, {"outputs": ("DT_FLOAT", [-1, 1])}),
    }


def test_classify_regress_and_multi_inference_are_run(tmp_path: pathlib.Path) -> None:
    value = {"name": "m", "signature_name": "value"}
    regress = {"model_spec": value, "method_name": "tensorflow/serving/regress"}
    classify = {
        "model_spec": {"name": "m"},
        "method_name": "tensorflow/serving/classify",
    }
    logs: list[dict[str, Any]] = [
        {"classify_log": {"request": {"input": EXAMPLES}}},
        {"regress_log": {"request": {"model_spec": value, "input": EXAMPLES}}},
        {
            "multi_inference_log": {
                "request": {"tasks": [regress, classify], "input": EXAMPLES}
            }
        },
    ]
    records = [protos.PredictionLog(**log).SerializeToString() for log in logs]
    _write_records(tmp_path, records)
    recorder = Recorder(_inference_signatures())
    assert warmup.warm_up(recorder, str(tmp_path)) == WarmupReport(3, "file")
    names = [name for asked in recorder.asked for name in asked]
    assert names == ["serving_default", "value", "value", "serving_default"]
    assert recorder.asked[0]["serving_default"] == {"inputs": [b"", b""]}


def test_without_a_record_requests_are_synthesised(
    plain: saved_model.SavedModelServable, tmp_path: pathlib.Path
) -> None:
    recorder = Recorder(plain.signatures)
    report = warmup.warm_up(recorder, str(tmp_path))
    assert report == WarmupReport(len(recorder.asked), "synthesised")
    assert {"two": {"a": [[0.0, 0.0]], "b": [0]}} in recorder.asked
    assert {"echo": {"raw": [b"warm"]}} in recorder.asked
    assert {"echo": {"raw": [b" ".join([b"warm"] * 64)]}} in recorder.asked
    assert not any("__saved_model_init_op" in asked for asked in recorder.asked)


def test_every_allowed_batch_size_is_warmed_up() -> None:
    config = BatchingConfig(max_batch_size=8, allowed_batch_sizes=(2, 8))
    number = {"x": ("DT_FLOAT", [-1])}
    recorder = Recorder({"s": signature(number, number)}, config)
    assert [len(inputs["x"]) for _, inputs in synthesised(recorder)] == [1, 2, 8]
    recorder.batchable_signatures = frozenset()
    assert [len(inputs["x"]) for _, inputs in synthesised(recorder)] == [1]


def test_a_slow_model_is_not_warmed_up_for_ever() -> None:
    recorder = Recorder(_inference_signatures())
    assert not list(synthesised(recorder, limit_s=-1))


def test_a_synthesised_request_that_fails_is_no_one_s_fault(
    tmp_path: pathlib.Path,
) -> None:
    class Picky(Recorder):
        def run(self, name: str, *rest: Any) -> dict[str, Any]:
            super().run(name, *rest)
            raise StatusError(Code.INVALID_ARGUMENT, "not a JPEG")

    picky = Picky(_inference_signatures())
    assert warmup.warm_up(picky, str(tmp_path)) == WarmupReport(0, "synthesised")
    assert len(picky.asked) == 2, "a signature that failed is not tried again"


@pytest.mark.parametrize(
    "record, message",
    [
        (_record(x=np.int32([5])), "Expects arg"),
        (_record("nope", x=np.float32([5])), 'signature key "nope" not found'),
        (b"\xff\xff", "Failed to parse warmup record"),
        (
            protos.PredictionLog(session_run_log={}).SerializeToString(),
            "UNIMPLEMENTED: Unsupported log_type for warmup: 5",
        ),
        (
            protos.PredictionLog(predict_streamed_log={}).SerializeToString(),
            "UNIMPLEMENTED: Unsupported log_type for warmup: 7",
        ),
        (
            protos.PredictionLog(classify_log={}).SerializeToString(),
            "No classification inputs found in SignatureDef",
        ),
    ],
)
def test_a_record_that_fails_fails_the_load(
    plain: saved_model.SavedModelServable,
    tmp_path: pathlib.Path,
    record: bytes,
    message: str,
) -> None:
    _write_records(tmp_path, [record])
    with pytest.raises(StatusError, match=message):
        warmup.warm_up(plain, str(tmp_path))


def test_a_warmup_file_that_is_no_tfrecord_says_so(
    plain: saved_model.SavedModelServable, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / contract.WARMUP_FILE
    file.parent.mkdir()
    file.write_bytes(b"this is just text, long enough for a header")
    with pytest.raises(StatusError, match="verify your warmup data is in TFRecord"):
        warmup.warm_up(plain, str(tmp_path))


def test_too_many_records_are_refused(
    plain: saved_model.SavedModelServable, tmp_path: pathlib.Path
) -> None:
    _write_records(tmp_path, [b""] * (contract.MAX_WARMUP_RECORDS + 1))
    with pytest.raises(StatusError, match="exceeds the maximum .1000. at"):
        warmup.warm_up(plain, str(tmp_path))
