"""Trains in one way and prints what came of it; a process of its own, for its memory.

python -m benchmarks.adaptation.train_one '{"name": "lora", "seed": 1, …}'
"""

import dataclasses
import json
import pathlib
import resource
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.adaptation.outcome import Outcome
from benchmarks.adaptation.prepare import Prepared, prepare
from model.adaptation.prompt import Prompt
from model.config import FINE_TUNING
from model.overrides import apply_overrides
from model.pretrained.architecture import model_settings
from model.training.callbacks import Progress
from model.training.train import TrainingJob, train
from pipeline import fine_tuning
from pipeline.config import RunConfig
from pipeline.errors import SettingError

_PATIENCE = 1000
"""Every way is trained for all its epochs."""


def main() -> None:
    """Prints one line of JSON, the last."""
    request = json.loads(sys.argv[1])
    try:
        outcome = run(request)
    except SettingError as error:
        outcome = Outcome(
            name=request["name"], seed=request["seed"], refusal=str(error)
        )
    print(json.dumps(dataclasses.asdict(outcome)))


def run(request: Mapping[str, Any]) -> Outcome:
    """Trains, asks the test split, and measures.

    Raises:
        SettingError: The way needs weights that the folder does not have.
    """
    prepared = prepare(request)
    job = job_of(request, prepared)
    started = time.monotonic()
    result = train(job)
    seconds = time.monotonic() - started
    return Outcome(
        name=request["name"],
        seed=request["seed"],
        accuracy=_accuracy(result.model, prepared),
        validation_accuracy=result.best_accuracy,
        trained_parameters=result.trained_parameters,
        parameters=result.model.count_params(),
        seconds=seconds,
        seconds_per_epoch=seconds / len(result.history),
        epochs=len(result.history),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        checkpoint_bytes=sum(
            path.stat().st_size for path in _checkpoint_dir(request).iterdir()
        ),
        learning_rate=job.training.learning_rate,
    )


def job_of(request: Mapping[str, Any], prepared: Prepared) -> TrainingJob:
    """The settings of `ktp run`, as far as they are about training."""
    settings = {key: str(value) for key, value in request["settings"].items()}
    folder = prepared.folder
    config = RunConfig.of("base")
    model = dataclasses.replace(config.model, **model_settings(folder))
    training = dataclasses.replace(FINE_TUNING, patience=_PATIENCE)
    config = dataclasses.replace(config, model=model, training=training)
    config = apply_overrides(
        config, settings, sections=("model", "training", "adaptation")
    )
    fine_tuning.check_weights(config.adaptation, folder)
    training = fine_tuning.with_own_rate(config.training, config.adaptation, settings)
    prompt = None
    if config.adaptation.method.reads_masked_word:
        prompt = Prompt.of(
            config.adaptation, prepared.labels, folder.vocabulary, prepared.pieces
        )
    return TrainingJob(
        train_pattern=prepared.pattern("train"),
        validation_pattern=prepared.pattern("validation"),
        model=dataclasses.replace(
            config.model,
            vocabulary_size=len(folder.vocabulary),
            num_classes=len(prepared.labels),
            max_sequence_length=prepared.tokenizer.max_sequence_length,
        ),
        training=dataclasses.replace(training, seed=request["seed"]),
        adaptation=config.adaptation,
        prompt=prompt,
        pretrained=folder,
        vocabulary=folder.vocabulary,
        checkpoint_dir=str(_checkpoint_dir(request)),
        on_progress=_tell,
    )


def _checkpoint_dir(request: Mapping[str, Any]) -> pathlib.Path:
    name = f"{request['name']}-{request['seed']}".replace(" ", "")
    return pathlib.Path(request["work_dir"]) / "checkpoints" / name


def _accuracy(model: Any, prepared: Prepared) -> float:
    right, count = 0, 0
    for token_ids, labels in prepared.batches("test"):
        right += int(np.sum(np.argmax(model(token_ids), axis=-1) == labels))
        count += len(labels)
    return right / count


def _tell(now: Progress) -> None:
    if now.step % 10 and now.step != now.steps:
        return
    accuracy = now.validation_accuracy
    reached = "" if accuracy is None else f", validation {accuracy:.1%}"
    line = f"  epoch {now.epoch}/{now.epochs}, step {now.step}/{now.steps}"
    print(f"\r{line}, loss {now.loss:.3f}{reached}", end="", file=sys.stderr)
    if now.epoch == now.epochs and now.step == now.steps and accuracy is not None:
        print(file=sys.stderr)


if __name__ == "__main__":
    main()
