"""Which version is live, and how another one becomes it."""

from pathlib import Path

import pytest

from pipeline.errors import SettingError
from pipeline.pushed_models import PushedModels


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("edge", "serving_model"):
        for version in ("8", "17", "112"):
            (tmp_path / folder / version).mkdir(parents=True)
            (tmp_path / folder / version / "model").write_text(f"{folder} {version}")
    (tmp_path / "serving_model" / ".staging-200").mkdir()
    (tmp_path / "serving_model" / ".complete-200").touch()
    (tmp_path / "serving_model" / "notes").mkdir()
    return tmp_path


def states(root: Path) -> dict[int, str]:
    return {each.number: each.state for each in PushedModels(str(root)).versions()}


def served(root: Path) -> list[set[str]]:
    return [
        {path.name for path in (root / folder).iterdir() if path.name.isdigit()}
        for folder in ("edge", "serving_model")
    ]


def test_the_highest_number_is_live_and_unfinished_folders_are_none(root: Path) -> None:
    assert states(root) == {112: "live", 17: "earlier", 8: "earlier"}
    assert list(states(root)) == [112, 17, 8]


def test_a_roll_back_takes_both_files_and_a_second_one_goes_further(root: Path) -> None:
    models = PushedModels(str(root))
    assert models.roll_back() == 17
    assert states(root) == {112: "withdrawn", 17: "live", 8: "earlier"}
    assert served(root) == [{"8", "17"}] * 2
    assert models.roll_back() == 8
    with pytest.raises(SettingError, match="no version before the live one"):
        models.roll_back()
    assert served(root) == [{"8"}] * 2


def test_a_withdrawn_version_comes_back_whole(root: Path) -> None:
    models = PushedModels(str(root))
    models.promote(8)
    models.promote(112)
    assert states(root) == {112: "live", 17: "withdrawn", 8: "earlier"}
    models.promote(17)
    assert states(root) == {112: "withdrawn", 17: "live", 8: "earlier"}
    model = root / "serving_model" / "17" / "model"
    assert model.read_text() == "serving_model 17"


def test_what_was_interrupted_between_two_names_is_ended_by_a_second_call(
    root: Path,
) -> None:
    serving = root / "serving_model"
    (serving / "112").rename(serving / ".withdrawn-112")
    PushedModels(str(root)).promote(17)
    assert served(root) == [{"8", "17"}] * 2


def test_a_version_without_device_files_says_so_and_can_be_live(root: Path) -> None:
    (root / "edge" / "17").rename(root / "elsewhere")
    versions = {each.number: each for each in PushedModels(str(root)).versions()}
    assert (versions[17].has_device_files, versions[8].has_device_files) == (
        False,
        True,
    )
    PushedModels(str(root)).promote(17)
    assert states(root)[17] == "live"


@pytest.mark.parametrize("version", [9, 200])
def test_a_version_that_is_not_there_is_named_with_those_that_are(
    root: Path, version: int
) -> None:
    message = f"Version {version} is not in .*; there are 112, 17, 8"
    with pytest.raises(SettingError, match=message):
        PushedModels(str(root)).promote(version)
    assert states(root)[112] == "live"


def test_a_folder_without_models_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match="holds no pushed models; allowed: the --out"
    ):
        PushedModels(str(tmp_path)).versions()
