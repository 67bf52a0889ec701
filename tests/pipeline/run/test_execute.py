"""One run from outside: when nothing is done, what is announced, what an error says."""

import contextlib
import dataclasses
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.config import RunConfig
from pipeline.data import ingest
from pipeline.errors import DataError, RunError, SettingError
from pipeline.run import execute
from pipeline.run.execute import Request, Summary
from pipeline.run.workspace import Workspace


class FakeNodes:
    """Stands for TFX: pushes two files, or fails; counts how often it was asked."""

    def __init__(self) -> None:
        self.runs = 0
        self.blessed = True
        self.failure: BaseException | None = None
        self.temporary: tuple[str | None, str] | None = None

    def run_nodes(self, _: Request, workspace: Workspace, *__: object) -> Workspace:
        self.runs += 1
        self.temporary = os.environ.get("TMPDIR"), tempfile.gettempdir()
        if self.failure is not None:
            raise self.failure
        return workspace

    def report(self, _: Request, __: Workspace, outcome: Workspace, *___: object):
        paths = [outcome.root / name for name in ("saved_model", "tflite", "report")]
        for path in paths:
            path.touch()
        saved_model, tflite, report = map(str, paths)
        return Summary(
            accuracy=0.9,
            test_accuracy=0.8,
            macro_f1=0.7,
            wall_s=60.0,
            train_s=30.0,
            saved_model=saved_model,
            tflite=tflite,
            report=report,
            blessed=self.blessed,
        )


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> FakeNodes:
    fake = FakeNodes()
    monkeypatch.setattr(execute, "_run_nodes", fake.run_nodes)
    monkeypatch.setattr(execute, "_report", fake.report)
    monkeypatch.setattr(execute, "code_fingerprint", lambda: "code")
    return fake


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    data = tmp_path / "colours.csv"
    rows = [f"{word} number {n},{word}" for n in range(60) for word in ("red", "blue")]
    data.write_text("\n".join(["text,label", *rows, ",red"]))
    return Request(
        data_path=data, output_dir=tmp_path / "out", config=RunConfig.of("tiny")
    )


def test_a_second_run_of_the_same_does_nothing_and_says_so(
    nodes: FakeNodes, request_: Request
) -> None:
    first, again = execute.execute(request_), execute.execute(request_)
    assert nodes.runs == 1
    assert not first.unchanged
    assert again.unchanged
    assert 0 < again.wall_s < first.wall_s
    same = dataclasses.replace(again, unchanged=False, wall_s=60.0)
    assert same == first


def _another_setting(request: Request) -> Request:
    config = RunConfig.of("tiny", {"evaluation.min_accuracy": "0.1"})
    return dataclasses.replace(request, config=config)


def _another_row(request: Request) -> Request:
    with request.data_path.open("a") as file:
        file.write("\nred and more,red")
    return request


def _another_folder(request: Request) -> Request:
    return dataclasses.replace(request, output_dir=request.output_dir / "more")


@pytest.mark.parametrize("change", [_another_setting, _another_row, _another_folder])
def test_whatever_changes_the_result_starts_a_run(
    nodes: FakeNodes, request_: Request, change: Callable[[Request], Request]
) -> None:
    execute.execute(request_)
    assert not execute.execute(change(request_)).unchanged
    assert nodes.runs == 2


def test_changed_code_starts_a_run(
    nodes: FakeNodes, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute.execute(request_)
    monkeypatch.setattr(execute, "code_fingerprint", lambda: "other code")
    assert not execute.execute(request_).unchanged


def test_a_refused_model_is_not_remembered(nodes: FakeNodes, request_: Request) -> None:
    nodes.blessed = False
    execute.execute(request_)
    execute.execute(request_)
    assert nodes.runs == 2


def test_bad_data_leaves_no_folder(nodes: FakeNodes, request_: Request) -> None:
    request_.data_path.write_text("text,label\n")
    with pytest.raises(DataError):
        execute.execute(request_)
    assert not request_.output_dir.exists()
    assert nodes.runs == 0


def test_a_run_is_announced_with_its_rows_and_what_was_dropped(
    nodes: FakeNodes, request_: Request, capfd: pytest.CaptureFixture[str]
) -> None:
    execute.execute(request_)
    told = capfd.readouterr().out
    sizes = {
        name: len(rows)
        for name, rows in ingest.load(
            request_.data_path, request_.config.data
        ).splits.items()
    }
    rows = ", ".join(f"{size} {name}" for name, size in sizes.items())
    assert f"colours.csv: {rows} rows, 2 labels, preset tiny" in told
    assert "dropped 1 × empty text" in told
    assert f"log: {request_.output_dir}/logs/run-" in told
    assert "✓ Report" in told


def test_with_json_stdout_stays_empty(
    nodes: FakeNodes, request_: Request, capfd: pytest.CaptureFixture[str]
) -> None:
    execute.execute(dataclasses.replace(request_, as_json=True))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "preset tiny" in captured.err


def test_a_failed_node_names_the_log(nodes: FakeNodes, request_: Request) -> None:
    nodes.failure = RunError("Trainer failed: out of memory")
    with pytest.raises(RunError) as caught:
        execute.execute(request_)
    reason, place = str(caught.value).splitlines()
    assert reason == "Trainer failed: out of memory"
    (log,) = (request_.output_dir / "logs").iterdir()
    assert place == f"The details are in {log}."


def test_a_disk_that_filled_up_is_told_as_that(
    nodes: FakeNodes, request_: Request
) -> None:
    nodes.failure = RunError("Trainer failed: writing")
    nodes.failure.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(SettingError, match="takes no more"):
        execute.execute(request_)


def test_an_unwrapped_full_disk_is_told_as_that(
    nodes: FakeNodes, request_: Request
) -> None:
    nodes.failure = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(SettingError, match="takes no more"):
        execute.execute(request_)


@pytest.mark.parametrize("failure", [None, RunError("failed"), KeyboardInterrupt()])
def test_a_run_has_one_temporary_folder_and_leaves_none(
    nodes: FakeNodes, request_: Request, failure: BaseException | None
) -> None:
    nodes.failure = failure
    before = os.environ.get("TMPDIR"), tempfile.gettempdir()
    with contextlib.suppress(RunError, KeyboardInterrupt):
        execute.execute(request_)
    temporary = request_.output_dir / ".ktp-temporary"
    assert nodes.temporary == (str(temporary), str(temporary))
    assert not temporary.exists()
    assert (os.environ.get("TMPDIR"), tempfile.gettempdir()) == before


def test_what_a_killed_run_left_is_gone_after_the_next_even_if_nothing_changed(
    nodes: FakeNodes, request_: Request
) -> None:
    execute.execute(request_)
    left = request_.output_dir / ".ktp-temporary" / "tmp123" / "build"
    left.mkdir(parents=True)
    assert execute.execute(request_).unchanged
    assert not left.parents[1].exists()


def test_a_live_run_keeps_its_temporary_folder(
    nodes: FakeNodes, request_: Request
) -> None:
    place = Workspace(request_.output_dir)
    (place.temporary_dir / "of the other").mkdir(parents=True)
    with place.locked(), pytest.raises(SettingError, match="Another run"):
        execute.execute(request_)
    assert (place.temporary_dir / "of the other").exists()


def test_a_failed_run_frees_the_folder(nodes: FakeNodes, request_: Request) -> None:
    nodes.failure = RunError("Trainer failed")
    for _ in range(2):
        with pytest.raises(RunError):
            execute.execute(request_)
    assert nodes.runs == 2


def test_two_runs_in_one_folder_are_refused(
    nodes: FakeNodes, request_: Request
) -> None:
    request_.output_dir.mkdir()
    with (
        Workspace(request_.output_dir).locked(),
        pytest.raises(SettingError, match="Another run"),
    ):
        execute.execute(request_)
    assert nodes.runs == 0


class Pushed:
    """Stands for the outcome of nodes that have pushed, or not."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def pushed(self, _: str) -> Path | None:
        return self._path


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (Path("serving_model/17"), "Interrupted. Version 17 is pushed; its report"),
        (None, "Interrupted. Nothing was pushed"),
    ],
)
def test_ctrl_c_after_the_push_does_not_say_that_nothing_was_pushed(
    nodes: FakeNodes,
    request_: Request,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: Path | None,
    told: str,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "_run_nodes", lambda *_: Pushed(path))
    monkeypatch.setattr(execute, "_report", interrupted)
    output = str(request_.output_dir)
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--data", str(request_.data_path), "--output", output])
    assert ended.value.code == 130
    assert told in capsys.readouterr().err
