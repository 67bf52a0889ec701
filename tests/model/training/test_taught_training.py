"""A student's training: each row with what its own teacher says of it."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.config import DistillationConfig
from model.training import data
from model.training.augmentation import Augmentation
from model.training.bucketing import Batching
from model.training.callbacks import Progress
from model.training.train import TrainingJob, train
from tests.support.replica_training import MODEL, TRAINING
from tests.support.token_records import (
    Row,
    keyword_rows,
    keyword_teacher,
    moody_teacher,
    write_token_records,
)

C = MODEL.num_classes
BATCHING = Batching(global_batch_size=8, max_sequence_length=24)


def without_labels(rows: list[Row]) -> list[Row]:
    return [(ids, contract.NO_LABEL_ID) for ids, _ in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("taught")
    rows = [*keyword_rows(100), *without_labels(keyword_rows(60, seed=5))]
    write_token_records(folder / "train.gz", rows, teacher=moody_teacher)
    write_token_records(folder / "validation.gz", keyword_rows(37, seed=9))
    return folder


def test_shuffled_bucketed_and_augmented_rows_keep_their_scores(
    folder: pathlib.Path,
) -> None:
    rows = [*keyword_rows(100), *without_labels(keyword_rows(60, seed=5))]
    expected = {
        tuple(moody_teacher(ids).astype(np.float16)): (list(ids), label)
        for ids, label in rows
    }
    chunks = data.read_chunks([str(folder / "train.gz")], taught_classes=C)
    assert data.survey(chunks).rows == 160
    augment = Augmentation(token_dropout=0.3)
    batches = data.training_batches(chunks, BATCHING, augment, seed=1)
    changed = 0
    for token_ids, targets in batches.take(18).as_numpy_iterator():
        for row, target in zip(token_ids, targets, strict=True):
            ids, label = expected[tuple(target[1:].astype(np.float16))]
            found = row[row != 0].tolist()
            assert target[0] == label
            mask_id = contract.SPECIAL_TOKENS.index(contract.MASK)
            assert all(a in (b, mask_id) for a, b in zip(found, ids, strict=True))
            changed += found != ids
    assert changed > 50


def job(folder: pathlib.Path, **settings: object) -> TrainingJob:
    return TrainingJob(
        train_pattern=str(folder / "train.gz"),
        validation_pattern=str(folder / "validation.gz"),
        model=MODEL,
        strategy=tf.distribute.get_strategy(),
        distillation=DistillationConfig(weight=1.0),
        **{"training": TRAINING, **settings},
    )


def test_a_student_learns_from_scores_alone(tmp_path: pathlib.Path) -> None:
    rows = keyword_rows(160)
    path = tmp_path / "train.gz"
    write_token_records(path, without_labels(rows), teacher=keyword_teacher)
    write_token_records(tmp_path / "validation.gz", keyword_rows(37, seed=9))
    longer = dataclasses.replace(TRAINING, max_epochs=12, patience=12)
    result = train(job(tmp_path, training=longer))
    assert result.best_accuracy > 0.9


class Interruption(Exception):
    """What a power cut looks like to a program."""


def test_an_interrupted_student_goes_on_after_its_last_full_epoch(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def cut_power(now: Progress) -> None:
        if (now.epoch, now.step) == (2, 3):
            raise Interruption

    with pytest.raises(Interruption):
        train(job(folder, checkpoint_dir=str(tmp_path), on_progress=cut_power))
    reports: list[Progress] = []
    train(job(folder, checkpoint_dir=str(tmp_path), on_progress=reports.append))
    assert (reports[0].epoch, reports[-1].epoch) == (2, 2)
