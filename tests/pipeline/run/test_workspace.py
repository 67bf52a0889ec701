"""The output folder: who may write, what is remembered, what a full disk says."""

import errno
from pathlib import Path

import pytest

from pipeline.errors import SettingError
from pipeline.run import workspace
from pipeline.run.workspace import Workspace, is_disk_full


def finished(place: Workspace) -> dict[str, str]:
    """The summary of a run whose three files are there."""
    summary = {
        key: str(place.root / key) for key in ("saved_model", "tflite", "report")
    }
    for path in summary.values():
        Path(path).touch()
    return summary


def test_everything_a_run_leaves_is_below_the_output_folder(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    for path in (
        place.serving_dir,
        place.edge_dir,
        place.pipeline_dir,
        place.report_path,
        place.results_path,
        place.log_path("20250101-000000"),
    ):
        assert path.is_relative_to(tmp_path)
        assert path != tmp_path


def test_preparing_makes_the_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "runs" / "new")
    place.prepare()
    assert list(place.root.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"file/out .*Not a directory.*--output"):
        Workspace(tmp_path / "file" / "out").prepare()


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "_NEEDED_BYTES", 2**62)
    with pytest.raises(SettingError, match=r"MiB left; a run needs"):
        Workspace(tmp_path).prepare()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_recognised_below_other_errors(number: int) -> None:
    failed = RuntimeError("Trainer failed")
    failed.__cause__ = ValueError("in between")
    failed.__cause__.__context__ = OSError(number, "No space left on device")
    assert is_disk_full(failed)


def test_tensorflows_own_full_disk_is_recognised() -> None:
    class ResourceExhaustedError(Exception):
        """Named as TensorFlow names it."""

    failed = RuntimeError("Trainer failed")
    failed.__cause__ = ResourceExhaustedError("writing to events.out")
    assert is_disk_full(failed)


@pytest.mark.parametrize(
    "error", [None, RuntimeError("something else"), OSError(errno.EACCES, "denied")]
)
def test_other_errors_are_no_full_disk(error: BaseException | None) -> None:
    assert not is_disk_full(error)


def test_two_runs_cannot_share_an_output_folder(tmp_path: Path) -> None:
    with (
        Workspace(tmp_path).locked(),
        pytest.raises(SettingError, match="Another run is writing"),
        Workspace(tmp_path).locked(),
    ):
        pass


def test_the_lock_is_free_again_after_a_run_that_failed(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    with pytest.raises(ZeroDivisionError), place.locked():
        raise ZeroDivisionError
    with place.locked():
        assert (tmp_path / ".lock").exists()


def test_without_a_run_nothing_is_remembered(tmp_path: Path) -> None:
    assert Workspace(tmp_path).last_run() is None


def test_a_run_is_remembered_with_its_fingerprint(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    summary = finished(place)
    place.remember("f", summary)
    assert place.last_run() == {"fingerprint": "f", "summary": summary}


@pytest.mark.parametrize("gone", ["saved_model", "tflite", "report"])
def test_a_last_run_whose_model_or_page_is_gone_does_not_count(
    tmp_path: Path, gone: str
) -> None:
    place = Workspace(tmp_path)
    place.remember("f", finished(place))
    (tmp_path / gone).unlink()
    assert place.last_run() is None


def test_a_last_run_that_pushed_nothing_does_not_count(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    place.remember("f", {**finished(place), "tflite": None})
    assert place.last_run() is None


def test_half_a_note_of_the_last_run_does_not_count(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    place.remember("f", finished(place))
    note = tmp_path / "last_run.json"
    note.write_text(note.read_text()[:40])
    assert place.last_run() is None
