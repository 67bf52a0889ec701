"""Trains small jobs on logical CPU devices and prints what came out, as JSON.

A process of its own: TensorFlow takes the number of devices only before its first use.

    python -m tests.support.replica_training FOLDER NUM_REPLICAS [TRAINING ...]

A TRAINING is some settings of `TrainingConfig`, as a JSON object; with `taught` the
records have a teacher's scores, with `checkpoint_dir` epochs are kept there. Instead of
a number there may be `INDEX:HOST,HOST…`: one of several hosts, for one TRAINING.
"""

import dataclasses
import json
import pathlib
import sys
from typing import Any

import numpy as np
import tensorflow as tf

from model.config import DistillationConfig, ModelConfig, TrainingConfig
from model.training.hardware import hosts
from model.training.train import TrainingJob, train

MODEL = ModelConfig(
    vocabulary_size=60,
    num_classes=4,
    hidden_dim=16,
    num_layers=1,
    num_heads=2,
    intermediate_dim=32,
    dropout=0.0,
    max_sequence_length=24,
)
TRAINING = TrainingConfig(
    global_batch_size=8, max_epochs=2, learning_rate=3e-3, token_dropout=0.0
)


def main(folder: pathlib.Path, replicas: str, *trainings: str) -> None:
    """Trains on `FOLDER/train.gz` and prints each outcome, in a line of its own."""
    index, _, workers = replicas.partition(":")
    if workers:
        strategy = hosts.join(workers.split(","), int(index))
        (training,) = trainings
        found = outcome(folder, strategy, **json.loads(training))
        print(json.dumps({**found, "is_chief": hosts.is_chief(strategy)}), flush=True)
        return
    num_replicas = int(replicas)
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * num_replicas
    )
    devices = [f"CPU:{index}" for index in range(num_replicas)]
    strategy = tf.distribute.MirroredStrategy(devices)
    for training in trainings or ["{}"]:
        print(json.dumps(outcome(folder, strategy, **json.loads(training))), flush=True)


def outcome(
    folder: pathlib.Path,
    strategy: tf.distribute.Strategy,
    *,
    taught: bool = False,
    checkpoint_dir: str | None = None,
    **training: Any,
) -> dict[str, Any]:
    """The history, and all weights in one list, of training in `folder`."""
    job = TrainingJob(
        train_pattern=str(folder / "train.gz"),
        validation_pattern=str(folder / "validation.gz"),
        model=MODEL,
        training=dataclasses.replace(TRAINING, **training),
        distillation=DistillationConfig() if taught else None,
        strategy=strategy,
        checkpoint_dir=checkpoint_dir,
    )
    result = train(job)
    weights = np.concatenate([w.ravel() for w in result.model.get_weights()])
    return {"history": result.history, "weights": weights.tolist()}


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
