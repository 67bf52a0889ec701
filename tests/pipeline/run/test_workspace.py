"""The output folder: who may write, what is remembered, what a full disk says."""

import errno
import re
from pathlib import Path

import pytest

from pipeline.errors import SettingError
from pipeline.run import workspace
from pipeline.run.workspace import Workspace


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


def test_a_full_disk_is_two_lines_what_and_what_to_do(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/deep/" + 4000 * "x")
    with pytest.raises(SettingError) as caught, Workspace(tmp_path).watching_the_disk():
        raise error
    what, advice = str(caught.value).splitlines()
    assert what.startswith(f"The disk below {tmp_path} takes no more (No space left")
    assert re.search(r": [\d,]+ MiB left; a run needs 300 MiB\.$", what)
    assert advice == "Free some, or name another folder with --output."


def test_what_a_killed_run_left_half_written_goes(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    kept = [place.serving_dir / "17" / "saved_model.pb", place.report_path]
    left = [
        place.serving_dir / ".staging-18" / "saved_model.pb",
        place.edge_dir / ".staging-18" / "model.tflite",
        tmp_path / "data" / ".staging-0a1b" / "train.tfrecord",
        tmp_path / ".report.html.0a1b2c3d",
        tmp_path / ".last_run.json.0a1b2c3d",
    ]
    for path in (*kept, *left):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    place.clear_leftovers()
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in left)
    assert list(place.edge_dir.iterdir()) == []


def test_a_push_that_was_killed_between_its_two_names_is_ended(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    (place.edge_dir / "17").mkdir(parents=True)
    staged = place.serving_dir / ".staging-17"
    staged.mkdir(parents=True)
    (staged / "saved_model.pb").touch()
    (place.serving_dir / ".complete-17").touch()
    place.clear_leftovers()
    assert (place.serving_dir / "17" / "saved_model.pb").exists()
    for folder in (place.edge_dir, place.serving_dir):
        assert [path.name for path in folder.iterdir()] == ["17"]


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
