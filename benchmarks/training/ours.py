"""Our own trainer, as `ktp run` calls it: data, step, callbacks and `fit`.

python -m benchmarks.training.ours SIZE_AS_JSON
"""

import dataclasses
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from benchmarks.training import records, worker
from benchmarks.training.sizes import MAX_SEQUENCE_LENGTH, Size
from model.config import ModelConfig, TrainingConfig
from model.training.callbacks import Progress
from model.training.train import TrainingJob, train

# Between two evaluations, of which a step's time has no share.
STEPS_PER_EPOCH = 400
ENDLESS = 1000


class NoMoreOrders(Exception):
    """Ends a training that is measured while it runs."""


class Bursts:
    """Lets a training take the steps that are ordered, and reports each burst."""

    def __init__(self, orders: Iterator[tuple[str, Any]], first: int) -> None:
        self._orders = orders
        self._until = first

    def __call__(self, now: Progress) -> None:
        done = (now.epoch - 1) * now.steps + now.step
        if now.validation_accuracy is not None or done < self._until:
            return
        order = next(self._orders, None)
        if order is None:
            raise NoMoreOrders
        self._until = done + order[1]


def job_of(size: Size, train_pattern: str, validation_pattern: str) -> TrainingJob:
    """A training of this size; nothing is added to the texts."""
    values = dataclasses.asdict(size)
    training = TrainingConfig(
        **_fields(TrainingConfig, values),
        global_batch_size=size.rows,
        token_dropout=0.0,
        piece_splitting=0.0,
    )
    return TrainingJob(
        train_pattern=train_pattern,
        validation_pattern=validation_pattern,
        model=ModelConfig(
            **_fields(ModelConfig, values), max_sequence_length=MAX_SEQUENCE_LENGTH
        ),
        training=training,
    )


def _fields(config: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(config)} & values.keys()
    return {name: values[name] for name in names}


def step_through(size: Size, orders: Iterator[tuple[str, Any]], first: int) -> None:
    """Trains, and stops between the bursts until the next is ordered."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = records.random_rows(size, STEPS_PER_EPOCH)
        job = job_of(
            size,
            records.write(folder / "train.gz", rows),
            records.write(folder / "validation.gz", rows[: size.rows]),
        )
        endless = dataclasses.replace(
            job.training, max_epochs=ENDLESS, patience=ENDLESS, max_steps=10**9
        )
        job = dataclasses.replace(
            job, training=endless, on_progress=Bursts(orders, first)
        )
        try:
            train(job)
        except NoMoreOrders:
            return


def learn(size: Size, order: Mapping[str, Any]) -> float:
    """Trains `epochs` on records; the accuracy on the other rows after the last."""
    job = job_of(size, order["train"], order["validation"])
    epochs = order["epochs"]
    training = dataclasses.replace(job.training, max_epochs=epochs, patience=epochs)
    result = train(dataclasses.replace(job, training=training))
    return result.history[-1]["val_accuracy"]


def multiply(count: int) -> None:
    """Square matrix products of TensorFlow's, one after the other."""
    square = tf.random.normal((worker.SIDE, worker.SIDE))
    for _ in range(count):
        tf.linalg.matmul(square, square).numpy()


def main(size: Size) -> None:
    """Obeys its standard input; steps are the last kind that it is asked for."""
    orders = worker.orders()
    order = next(orders, None)
    while order is not None:
        task, argument = order
        if task == worker.STEPS:
            return step_through(size, orders, argument)
        tasks: dict[str, worker.Task] = {
            worker.PRODUCT: multiply,
            worker.LEARN: lambda given: learn(size, given),
        }
        try:
            order = orders.send(tasks[task](argument))
        except StopIteration:
            order = None
    return None


if __name__ == "__main__":
    main(Size.from_json(sys.argv[1]))
