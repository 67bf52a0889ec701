"""Both models under one number, or neither; a version appears whole or not at all."""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.artifacts import bless
from components.pushing import versioned_pusher
from components.pushing.versioned_pusher import (
    Delivery,
    free_version,
    push,
    repair,
    version_of,
)


@dataclasses.dataclass(frozen=True)
class Place:
    """Two models that were made, and the two folders of versions."""

    root: Path

    @property
    def edge(self) -> Path:
        return self.root / "edge"

    @property
    def serving(self) -> Path:
        return self.root / "serving_model"

    @property
    def bases(self) -> list[str]:
        return [str(self.edge), str(self.serving)]

    @property
    def deliveries(self) -> list[Delivery]:
        models = (str(self.root / "device"), str(self.root / "saved"))
        return [*map(Delivery, models, self.bases)]

    def push(self, version: int = 17) -> list[str]:
        return push(self.deliveries, version)

    def names(self) -> list[list[str]]:
        """What stands in the two folders, hidden or not."""
        return [
            sorted(os.listdir(base)) if os.path.isdir(base) else []
            for base in self.bases
        ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    _model(tmp_path / "saved")
    (tmp_path / "device").mkdir()
    (tmp_path / "device" / "model.tflite").write_text("device")
    return Place(tmp_path)


def _model(folder: Path) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph")
    (folder / "variables" / "data").write_text("weights")
    return folder


def test_both_versions_have_every_file_and_nothing_else_is_left(place: Place) -> None:
    assert place.push() == [str(place.edge / "17"), str(place.serving / "17")]
    assert (place.serving / "17" / "variables" / "data").read_text() == "weights"
    assert (place.edge / "17" / "model.tflite").read_text() == "device"
    assert place.names() == [["17"], ["17"]]


@pytest.mark.parametrize("full", ["device", "saved"])
def test_a_disk_that_fills_up_in_either_copy_leaves_neither_version(
    place: Place, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    place.push(16)
    copy_dir = io_utils.copy_dir

    def fail_half_way(source: str, target: str) -> None:
        copy_dir(source, target)
        if source.endswith(full):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(io_utils, "copy_dir", fail_half_way)
    with pytest.raises(OSError, match="No space"):
        place.push()
    assert place.names() == [["16"], ["16"]]


def _interrupted_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the rename of that number, and all after it, be the end of the process."""
    rename, calls = tf.io.gfile.rename, []

    def kill(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) >= number:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(tf.io.gfile, "rename", kill)


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_killed_between_the_two_names_is_ended_by_the_next_run(
    place: Place, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patch:
        _interrupted_at(number, patch)
        with pytest.raises(KeyboardInterrupt):
            place.push()
    repair(place.bases)
    assert place.names() == [["17"], ["17"]]
    assert (place.serving / "17" / "variables" / "data").read_text() == "weights"


def test_ctrl_c_between_the_two_names_leaves_both(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, calls = tf.io.gfile.rename, []

    def interrupt_once(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(tf.io.gfile, "rename", interrupt_once)
    with pytest.raises(KeyboardInterrupt):
        place.push()
    assert place.names() == [["17"], ["17"]]


def test_what_was_killed_while_it_was_copied_is_never_published(place: Place) -> None:
    place.push(16)
    for base in (place.edge, place.serving):
        (base / ".staging-17").mkdir()
        (base / ".staging-17" / "half").touch()
    repair(place.bases)
    assert place.names() == [[".staging-17", "16"], [".staging-17", "16"]]
    place.push(17)  # The same one anew.
    assert place.names() == [["16", "17"], ["16", "17"]]
    assert not (place.serving / "17" / "half").exists()


@pytest.mark.parametrize("copied", ["device", "saved"])
def test_a_run_that_begins_meanwhile_takes_nothing_from_a_push(
    place: Place, monkeypatch: pytest.MonkeyPatch, copied: str
) -> None:
    copy_dir = io_utils.copy_dir

    def and_another_run(source: str, target: str) -> None:
        copy_dir(source, target)
        if source.endswith(copied):
            repair(place.bases)

    monkeypatch.setattr(io_utils, "copy_dir", and_another_run)
    place.push()
    assert place.names() == [["17"], ["17"]]
    assert (place.serving / "17" / "variables" / "data").read_text() == "weights"


def test_two_runs_that_publish_the_same_at_once_are_no_error(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, others = tf.io.gfile.rename, [place.bases]

    def after_another_run(source: str, target: str) -> None:
        while others:
            repair(others.pop())
        rename(source, target)

    monkeypatch.setattr(tf.io.gfile, "rename", after_another_run)
    place.push()
    assert place.names() == [["17"], ["17"]]


def test_a_version_that_is_there_stays_as_it_is(place: Place) -> None:
    place.push()
    (place.root / "saved" / "saved_model.pb").write_text("another graph")
    place.push()
    assert (place.serving / "17" / "saved_model.pb").read_text() == "graph"


@pytest.mark.parametrize("deleted", ["edge", "serving_model"])
def test_a_version_that_was_deleted_from_one_folder_comes_back(
    place: Place, deleted: str
) -> None:
    place.push()
    tf.io.gfile.rmtree(str(place.root / deleted / "17"))
    place.push()
    assert place.names() == [["17"], ["17"]]


def test_the_version_is_the_second_of_the_latest_blessing() -> None:
    blessings = [standard_artifacts.ModelBlessing(), standard_artifacts.InfraBlessing()]
    blessings[0].mlmd_artifact.create_time_since_epoch = 1_700_000_000_123
    assert version_of(blessings) == 1_700_000_000
    # Other device files of the same model: a version never changes, so it is another.
    blessings[1].mlmd_artifact.create_time_since_epoch = 1_700_000_009_999
    assert version_of(blessings) == 1_700_000_009


def test_without_a_recorded_blessing_the_version_is_the_time() -> None:
    before = int(time.time())
    assert before <= version_of([]) <= time.time()
    assert version_of([standard_artifacts.ModelBlessing()]) >= before


Run = Callable[..., list[Path | None]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the component with blessings by name; gives both destinations."""
    _model(tmp_path / "trained" / "Format-Serving")
    (tmp_path / "exported" / "Format-Serving").mkdir(parents=True)
    (tmp_path / "exported" / "Format-Serving" / "model.tflite").touch()

    def run(*, refused: str = "", asks_gain: bool = True) -> list[Path | None]:
        blessing = standard_artifacts.ModelBlessing()
        blessing.set_int_custom_property("blessed", int(refused != "evaluator"))
        blessing.mlmd_artifact.create_time_since_epoch = 1_700_000_000_123
        others = {}
        for name in ("server", "edge", "linear"):
            others[name] = standard_artifacts.InfraBlessing()
            others[name].uri = str(tmp_path / f"{name}_blessing")
            bless(others[name], refused != name)
        models = [standard_artifacts.Model(), standard_artifacts.Model()]
        models[0].uri, models[1].uri = f"{tmp_path}/trained", f"{tmp_path}/exported"
        pushed = [standard_artifacts.PushedModel(), standard_artifacts.PushedModel()]
        versioned_pusher.VersionedPusher.EXECUTOR_SPEC.executor_class._FUNCTION(
            *(*models, blessing, others["server"], others["edge"], *pushed),
            *(str(tmp_path / "serving_model"), str(tmp_path / "edge"), "first"),
            linear_blessing=others["linear"] if asks_gain else None,
        )
        return [versioned_pusher.read_destination(artifact) for artifact in pushed]

    return run


def test_what_every_check_blessed_goes_to_its_versions_and_says_where(
    run: Run, tmp_path: Path
) -> None:
    serving, edge = run()
    assert serving == tmp_path / "serving_model" / "1700000000"
    assert edge == tmp_path / "edge" / "1700000000"
    assert (serving / "saved_model.pb").read_text() == "graph"
    assert (edge / "model.tflite").exists()


def test_without_a_gain_asked_for_the_linear_model_has_no_say(run: Run) -> None:
    assert all(run(asks_gain=False, refused="linear"))


@pytest.mark.parametrize("refused", ["evaluator", "server", "edge", "linear"])
def test_one_refusal_is_enough_for_neither_to_be_pushed(
    run: Run, tmp_path: Path, refused: str
) -> None:
    assert run(refused=refused) == [None, None]
    assert not (tmp_path / "serving_model").exists()
    assert not (tmp_path / "edge").exists()


@pytest.mark.parametrize("refused", ["evaluator", "server", "edge", "linear"])
def test_a_refusal_leaves_the_versions_that_are_live(
    run: Run, tmp_path: Path, refused: str
) -> None:
    run()
    run(refused=refused)
    for name in ("serving_model", "edge"):
        assert os.listdir(tmp_path / name) == ["1700000000"]


def test_what_is_served_already_keeps_its_number(place: Place) -> None:
    assert free_version(place.deliveries, 17) == 17
    place.push()
    assert free_version(place.deliveries, 99) == 17
    tf.io.gfile.rmtree(str(place.edge / "17"))  # The half that is left tells it, too.
    assert free_version(place.deliveries, 99) == 17


@pytest.mark.parametrize("changed", ["saved/variables/data", "device/model.tflite"])
def test_another_model_gets_a_number_above_all_others(
    place: Place, changed: str
) -> None:
    place.push()
    (place.root / changed).write_text("others")
    assert free_version(place.deliveries, 99) == 99
    assert free_version(place.deliveries, 12) == 18


def test_a_number_that_was_taken_back_is_not_given_again(place: Place) -> None:
    place.push()
    (place.serving / "17").rename(place.serving / ".withdrawn-17")
    assert free_version(place.deliveries, 17) == 18
