"""What TFX calls: tables, folders and files of one training."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from model import contract, hooks
from model.training.calibration import Calibration
from model.training.reliability import ScoreQuality
from model.training.train import TrainingResult


def fn_args(
    transform_output: str = "transform/3",
    hyperparameters: Any = None,
    **custom_config: Any,
) -> Any:
    """What TFX hands to `run_fn`, as far as a checkpoint is concerned."""
    config = {"checkpoint_root": "/checkpoints", "training": {"seed": 1}}
    return SimpleNamespace(
        transform_output=transform_output,
        custom_config={**config, **custom_config},
        hyperparameters=hyperparameters,
    )


def test_the_same_training_finds_its_checkpoints_again() -> None:
    folder = hooks._checkpoint_dir(fn_args())
    assert folder == hooks._checkpoint_dir(fn_args())
    assert str(folder).startswith("/checkpoints/")


@pytest.mark.parametrize(
    "other",
    [
        fn_args(transform_output="transform/4"),
        fn_args(training={"seed": 2}),
        fn_args(hyperparameters={"values": {"training.max_epochs": 2}}),
        fn_args(code_fingerprint="changed"),
    ],
)
def test_other_data_settings_or_code_never_goes_on_from_there(other: Any) -> None:
    assert hooks._checkpoint_dir(other) != hooks._checkpoint_dir(fn_args())


@pytest.mark.parametrize("root", [None, ""])
def test_without_a_root_nothing_is_kept(root: str | None) -> None:
    assert hooks._checkpoint_dir(fn_args(checkpoint_root=root)) is None


def test_the_learning_curve_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = TrainingResult(
        model=SimpleNamespace(count_params=lambda: 1234),
        history=[{"loss": 2.0, "val_accuracy": 0.5}],
        best_epoch=1,
        best_accuracy=0.5,
        steps_per_epoch=20,
        train_s=3.5,
        trained_parameters=12,
    )
    job: Any = SimpleNamespace(model=SimpleNamespace(vocabulary_size=77))
    quality = ScoreQuality(calibration_error=0.1, log_loss=0.5)
    found = Calibration(temperature=0.5, rows=9, before=quality, after=quality)
    rejection = contract.Rejection(threshold=0.25, label="oos")
    scored: Any = SimpleNamespace(calibration=found, rejection=rejection)
    hooks._write_history(result, scored, job, str(tmp_path))
    assert hooks.read_history(str(tmp_path)) == {
        "history": [{"loss": 2.0, "val_accuracy": 0.5}],
        "best_epoch": 1,
        "best_accuracy": 0.5,
        "train_s": 3.5,
        "parameters": 1234,
        "trained_parameters": 12,
        "vocabulary_size": 77,
        "calibration": dataclasses.asdict(found),
        "rejection": {"threshold": 0.25, "label": "oos"},
    }
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())  # People read it, too.


def test_labels_become_the_numbers_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / contract.LABELS_FILE
    path.write_text("a b\ngröße\nx\tytab\n")
    table = hooks._line_number_table(str(path))
    found = table.lookup(tf.constant(["größe", "a b", "x\tytab", "unknown", "a"]))
    assert found.numpy().tolist() == [1, 0, 2, -1, -1]


def test_features_are_flat_whether_dense_or_sparse() -> None:
    dense = tf.constant([["one"], ["two"]])
    assert hooks._flat(dense).numpy().tolist() == [b"one", b"two"]
    assert hooks._flat(tf.sparse.from_dense(dense)).numpy().tolist() == [b"one", b"two"]


def test_every_hook_is_found_by_the_path_that_the_pipeline_names() -> None:
    from pipeline.nodes import create

    for path in (create._PREPROCESSING_FN, create._RUN_FN, create._TUNER_FN):
        module, _, name = path.rpartition(".")
        assert module == hooks.__name__
        assert callable(getattr(hooks, name))
