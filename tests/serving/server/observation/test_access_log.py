"""One line per request, whatever the disk does meanwhile."""

import json
import os
import pathlib
import threading
from typing import Any

import pytest

from serving.server.observation.access_log import MAX_ERROR_CHARS, AccessLog, entry
from serving.server.observation.background_writer import BackgroundWriter
from serving.server.status import Code, StatusError
from tests.support.call_counts import count_calls
from tests.support.serving.server.observed import record


def lines(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_request_is_one_json_object_with_all_its_facts(
    tmp_path: pathlib.Path,
) -> None:
    log = AccessLog(str(tmp_path / "access.log"))
    log(record(peer="ipv4:10.0.0.7:1234"))
    assert log.close(5)
    (line,) = lines(tmp_path / "access.log")
    time = line.pop("time")
    assert line == {
        "api": "Predict",
        "entrypoint": "GRPC",
        "model": "m",
        "version": 1,
        "signature": "serving_default",
        "rows": 2,
        "batch_rows": 8,
        "queue_ms": 1.0,
        "run_ms": 2.0,
        "total_ms": 4.0,
        "status": "OK",
        "error": "",
        "request_bytes": 100,
        "response_bytes": 50,
        "peer": "ipv4:10.0.0.7:1234",
    }
    assert len(time) == len("2026-01-31T12:00:00.000Z")


def test_the_time_is_utc_with_milliseconds() -> None:
    assert entry(1_700_000_000.0, record())["time"] == "2023-11-14T22:13:20.000Z"
    assert entry(1_700_000_000.9876, record())["time"] == "2023-11-14T22:13:20.987Z"


def test_a_request_cannot_forge_a_line(tmp_path: pathlib.Path) -> None:
    log = AccessLog(str(tmp_path / "access.log"))
    forged = '\n{"status": "OK"}\n\ud800'
    log(record(model_name=forged, error=forged + "x" * 1000, code=Code.NOT_FOUND))
    log.close(5)
    (line,) = lines(tmp_path / "access.log")
    assert line["status"] == "NOT_FOUND"
    assert len(line["error"]) == MAX_ERROR_CHARS


def test_errors_are_logged_although_successes_are_sampled(
    tmp_path: pathlib.Path,
) -> None:
    log = AccessLog(str(tmp_path / "access.log"), sampling_rate=0.1)
    for _ in range(1000):
        log(record())
        log(record(code=Code.UNAVAILABLE))
    log.close(5)
    statuses = [line["status"] for line in lines(tmp_path / "access.log")]
    assert statuses.count("UNAVAILABLE") == 1000
    assert 40 < statuses.count("OK") < 200


def test_a_restarted_server_appends(tmp_path: pathlib.Path) -> None:
    for rows in (1, 2):
        log = AccessLog(str(tmp_path / "access.log"))
        log(record(rows=rows))
        log.close(5)
    assert [line["rows"] for line in lines(tmp_path / "access.log")] == [1, 2]


def test_after_a_rotation_the_log_goes_on_in_a_new_file(
    tmp_path: pathlib.Path,
) -> None:
    path, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    log = AccessLog(str(path))
    path.rename(rotated)
    log(record(rows=1))
    log.reopen()
    log(record(rows=2))
    log.close(5)
    assert [line["rows"] for line in lines(rotated)] == [1]
    assert [line["rows"] for line in lines(path)] == [2]


def test_a_folder_that_has_gone_keeps_the_old_file(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, moved = tmp_path / "logs", tmp_path / "moved"
    folder.mkdir()
    log = AccessLog(str(folder / "access.log"))
    folder.rename(moved)
    log.reopen()
    log(record())
    log.close(5)
    assert len(lines(moved / "access.log")) == 1
    assert "stays as it is" in caplog.text


def test_a_dash_is_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    log = AccessLog("-")
    log(record())
    log.reopen()
    log.close(5)
    assert json.loads(capfd.readouterr().out)["model"] == "m"
    os.write(1, b"still open\n")
    assert capfd.readouterr().out == "still open\n"


def test_settings_that_cannot_be_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        StatusError, match="access_log_file .*absent.* cannot be opened"
    ):
        AccessLog(str(tmp_path / "absent" / "access.log"))
    with pytest.raises(StatusError, match="between 0 and 1; received 2"):
        AccessLog("-", sampling_rate=2)


def test_what_does_not_fit_is_dropped_and_counted_at_once() -> None:
    gate = threading.Event()
    written: list[int] = []

    def write(items: Any) -> None:
        gate.wait()
        written.extend(items)

    writer = BackgroundWriter("slow", write, max_items=5)
    kept = [number for number in range(100) if writer.put(number)]
    assert len(kept) + writer.dropped == 100
    assert writer.dropped >= 90
    gate.set()
    assert writer.close(5)
    assert written == kept
    assert not writer.put(1), "a closed writer takes nothing"


def test_closing_does_not_wait_longer_than_it_may() -> None:
    gate = threading.Event()
    writer: BackgroundWriter[int] = BackgroundWriter(
        "stuck", lambda items: bool(gate.wait()) and None, max_items=5
    )
    writer.put(1)
    assert not writer.close(0.05)
    gate.set()


def test_a_full_disk_costs_records_and_not_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = AccessLog("/dev/full")
    log(record())
    log(record())
    assert log.close(5)
    assert log.dropped == 2
    assert "records are lost" in caplog.text


def test_a_record_costs_the_event_loop_little(tmp_path: pathlib.Path) -> None:
    """6 calls, about 1 µs: it is written elsewhere."""
    log = AccessLog(str(tmp_path / "access.log"))
    sent = record()
    assert count_calls(lambda: log(sent)) <= 8
    log.close(5)
