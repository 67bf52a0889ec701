"""The Trainer's work without an orchestrator: where it reads, and what it prints."""

import logging
from pathlib import Path

import pytest

from model import contract
from model.training.callbacks import Progress
from pipeline.errors import SettingError
from pipeline.run.training import TrainingPlaces, _output, _progress_told

# The first test to import TFX waits half a minute, on a busy machine some minutes.
pytestmark = pytest.mark.timeout(600)


def places(folder: Path) -> TrainingPlaces:
    for split in (contract.TRAIN, contract.VALIDATION):
        (folder / f"Split-{split}").mkdir(parents=True)
        (folder / f"Split-{split}" / "0.gz").touch()
    (folder / "transform_fn").mkdir()
    root = str(folder)
    return TrainingPlaces(
        examples_uri=root, transform_uri=root, output_uri=f"{root}/out"
    )


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"nothing at /x/Split-train.*--examples is"):
        TrainingPlaces(examples_uri="/x", transform_uri="/y", output_uri="/z")
    found = places(tmp_path)
    (tmp_path / "transform_fn").rmdir()
    with pytest.raises(SettingError, match="There is no transform_fn in"):
        TrainingPlaces(**vars(found))


def test_only_what_the_chief_writes_stays(tmp_path: Path) -> None:
    given = places(tmp_path)
    with _output(given, is_chief=True) as output_uri:
        assert output_uri == given.output_uri
    assert (tmp_path / "out" / "model_run").is_dir()
    with _output(given, is_chief=False) as output_uri:
        elsewhere = Path(output_uri)
        assert (elsewhere / "model_run").is_dir()
        assert not elsewhere.is_relative_to(tmp_path / "out")
    assert not elsewhere.exists()


def test_an_epoch_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger(contract.PROGRESS_LOGGER)
    step = Progress(epoch=1, epochs=2, step=3, steps=3, loss=0.5, accuracy=0.75)
    end = Progress(**{**vars(step), "validation_accuracy": 0.5, "ends_epoch": True})
    before = logger.propagate, logger.level  # Another run of this process has set them.
    with _progress_told():
        for progress in (step, end):
            logger.info("%s", progress, extra={"progress": progress})
    assert capsys.readouterr().out.splitlines() == [end.told]
    assert (logger.propagate, logger.level) == before
