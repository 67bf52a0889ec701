"""The functions that TFX calls by dotted path.

Functions only: TFX reloads this module, so a class defined here would stop being equal
to itself. They translate TFX's arguments; `training` and `export` know no TFX.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx

from model import contract
from model.adaptation.config import AdaptationConfig
from model.adaptation.prompt import Prompt
from model.config import (
    DistillationConfig,
    ModelConfig,
    ScoringConfig,
    TrainingConfig,
)
from model.export.saved_model import (
    Answers,
    ServedClassifier,
    Tokenize,
    export_saved_model,
)
from model.pretrained.folder import PretrainedFolder
from model.pretrained.source import PretrainedSource
from model.text import tokenization
from model.text.special_tokens import SpecialIds
from model.training import scoring
from model.training.callbacks import Progress
from model.training.hardware import hosts
from model.training.train import TrainingJob, TrainingResult, train
from model.tuning import search, space
from model.tuning.trials import Trial

_HISTORY_FILE = "history.json"


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any]
) -> dict[str, Any]:
    """Turns text into token ids, sparse int64 `[B, T]`, label into class id, `[B]`.

    What a teacher says of a row passes through.
    """
    folder = custom_config[contract.VOCABULARY_DIR]
    with tf.io.gfile.GFile(os.path.join(folder, contract.TOKENIZER_FILE)) as file:
        config = contract.TokenizerConfig.from_json(file.read())
    vocabulary_path = os.path.join(folder, contract.VOCABULARY_FILE)
    tokenizer = tft.make_and_track_object(
        lambda: tokenization.GraphTokenizer(vocabulary_path, config), name="tokenizer"
    )
    tft.make_and_track_object(  # Nobody reads it here: it travels with the graph.
        lambda: tf.saved_model.Asset(vocabulary_path), name="vocabulary"
    )
    labels_path = os.path.join(folder, contract.LABELS_FILE)
    class_ids = tft.make_and_track_object(
        lambda: _line_number_table(labels_path), name="class_ids"
    )
    outputs = {
        contract.TOKEN_IDS: tokenizer(_flat(inputs[contract.TEXT])).to_sparse(),
        contract.LABEL_ID: class_ids.lookup(_flat(inputs[contract.LABEL])),
    }
    if contract.TEACHER_SCORES in inputs:
        outputs[contract.TEACHER_SCORES] = _flat(inputs[contract.TEACHER_SCORES])
    return outputs


def _line_number_table(path: str) -> tf.lookup.StaticHashTable:
    """Maps lines to their number from 0; a line that is not there to -1."""
    lines = tf.lookup.TextFileInitializer(
        path,
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(lines, default_value=-1)


def _flat(values: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    if isinstance(values, tf.SparseTensor):
        values = values.values
    return tf.reshape(values, [-1])


def tuner_fn(fn_args: tfx.components.FnArgs) -> tfx.components.TunerFnResult:
    """Prepares the search for the settings that do best on the validation split."""
    config = fn_args.custom_config

    def train_once(job: TrainingJob) -> TrainingResult:
        with _pretrained(config) as folder:
            return train(dataclasses.replace(job, pretrained=folder))

    job = _job(fn_args, tft.TFTransformOutput(fn_args.transform_output), None)
    fixed = [*config["tuner"]["fixed"]]
    if config.get("pretrained"):
        fixed += space.SIZES
    asked = search.Search(
        space=space.search_space(job.model, job.training, fixed),
        num_trials=config["tuner"]["trials"],
        directory=_checkpoint_dir(fn_args) or fn_args.working_dir,
        on_trial=_log_trial,
    )
    tuner = search.SettingsTuner(job, asked, train=train_once)
    return tfx.components.TunerFnResult(tuner=tuner, fit_kwargs={})


def run_fn(
    fn_args: tfx.components.FnArgs, strategy: tf.distribute.Strategy | None = None
) -> None:
    """Trains, exports the SavedModel and writes the learning curve.

    TFX gives no `strategy`; `pipeline.run.training` gives that of several hosts.
    """
    transform = tft.TFTransformOutput(fn_args.transform_output)
    with _pretrained(fn_args.custom_config) as folder:
        job = _job(fn_args, transform, folder)
        job = space.with_settings(job, _found_settings(fn_args))
        job = dataclasses.replace(job, strategy=strategy)
        result = train(job)
    scored = _with_meaning(result, job, transform, fn_args)
    _export(scored, job, transform, fn_args)
    _write_history(result, scored, job, fn_args.model_run_dir)
    kept = job.checkpoint_dir
    if kept and hosts.is_chief(strategy) and tf.io.gfile.exists(kept):
        tf.io.gfile.rmtree(kept)


@contextlib.contextmanager
def _pretrained(config: Mapping[str, Any]) -> Iterator[PretrainedFolder | None]:
    settings = config.get("pretrained")
    if not settings:
        yield None
        return
    with PretrainedSource(**settings).opened() as folder:
        yield folder


def _found_settings(fn_args: tfx.components.FnArgs) -> dict[str, Any]:
    """Reads what the Tuner found best; nothing where there was none."""
    found = (fn_args.hyperparameters or {}).get("values", {})
    return space.as_settings(found)


def _job(
    fn_args: tfx.components.FnArgs,
    transform: tft.TFTransformOutput,
    pretrained: PretrainedFolder | None,
) -> TrainingJob:
    config = fn_args.custom_config
    vocabulary = _asset_lines(transform, contract.VOCABULARY_FILE)
    adaptation = AdaptationConfig(**config["adaptation"])
    return TrainingJob(
        train_pattern=list(fn_args.train_files),
        validation_pattern=list(fn_args.eval_files),
        model=ModelConfig(
            vocabulary_size=len(vocabulary),
            num_classes=len(_asset_lines(transform, contract.LABELS_FILE)),
            **config["model"],
        ),
        training=TrainingConfig(**config["training"]),
        adaptation=adaptation,
        prompt=_prompt(adaptation, transform),
        vocabulary=vocabulary,
        distillation=_distillation(config),
        pretrained=pretrained,
        log_dir=_log_dir(fn_args),
        checkpoint_dir=_checkpoint_dir(fn_args),
        on_progress=_log_progress,
    )


def _distillation(config: Mapping[str, Any]) -> DistillationConfig | None:
    settings = config.get("distillation")
    return DistillationConfig(**settings) if settings else None


def _prompt(
    adaptation: AdaptationConfig, transform: tft.TFTransformOutput
) -> Prompt | None:
    if not adaptation.method.reads_masked_word:
        return None
    tokenize = _tokenize_with(transform.transform_features_layer())
    return Prompt.of(
        adaptation,
        labels=_asset_lines(transform, contract.LABELS_FILE),
        vocabulary=_asset_lines(transform, contract.VOCABULARY_FILE),
        # Without the start and the end token.
        tokenize=lambda texts: tokenize(tf.constant(texts))[:, 1:-1].to_list(),
    )


def _log_dir(fn_args: tfx.components.FnArgs) -> str | None:
    """Names TensorBoard's folder; the Tuner has none."""
    run_dir = fn_args.model_run_dir
    return os.path.join(run_dir, "tensorboard") if run_dir else None


def _checkpoint_dir(fn_args: tfx.components.FnArgs) -> str | None:
    """Names a folder for this data, model, settings and code alone."""
    root = fn_args.custom_config.get("checkpoint_root")
    if not root:
        return None
    identity = json.dumps(
        [fn_args.transform_output, fn_args.custom_config, fn_args.hyperparameters]
    )
    return os.path.join(root, hashlib.sha256(identity.encode()).hexdigest()[:16])


def _log_progress(progress: Progress) -> None:
    logger = logging.getLogger(contract.PROGRESS_LOGGER)
    logger.info("%s", progress, extra={"progress": progress})


def _log_trial(number: int, total: int, trial: Trial) -> None:
    logger = logging.getLogger(contract.PROGRESS_LOGGER)
    logger.info("%s", trial, extra={"trial": (number, total, trial)})


def _with_meaning(
    result: TrainingResult,
    job: TrainingJob,
    transform: tft.TFTransformOutput,
    fn_args: tfx.components.FnArgs,
) -> scoring.Scoring:
    config = ScoringConfig(**fn_args.custom_config["scoring"])
    labels = _asset_lines(transform, contract.LABELS_FILE)
    return scoring.with_meaning(result.model, job, config, labels)


def _export(
    scored: scoring.Scoring,
    job: TrainingJob,
    transform: tft.TFTransformOutput,
    fn_args: tfx.components.FnArgs,
) -> None:
    layer = transform.transform_features_layer()
    served = ServedClassifier(
        scored.model,
        tokenize=_tokenize_with(layer),
        answers=Answers(
            labels=_asset_lines(transform, contract.LABELS_FILE),
            top_k=fn_args.custom_config["top_k"],
            rejection=scored.rejection,
        ),
        special=SpecialIds.of(job.vocabulary),
        tracked=[layer],
    )
    words = [token for token in job.vocabulary if token.isalpha()]
    export_saved_model(served, fn_args.serving_model_dir, words or [contract.UNKNOWN])
    scored.model.save(os.path.join(fn_args.model_run_dir, contract.KERAS_FILE))
    if scored.rejection is not None:
        path = os.path.join(fn_args.model_run_dir, contract.REJECTION_FILE)
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(scored.rejection.to_json() + "\n")


def _tokenize_with(layer: Any) -> Tokenize:
    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        transformed = layer({contract.TEXT: text[:, tf.newaxis]})
        return tf.RaggedTensor.from_sparse(transformed[contract.TOKEN_IDS])

    return tokenize


def _asset_lines(transform: tft.TFTransformOutput, name: str) -> list[str]:
    path = os.path.join(transform.transform_savedmodel_dir, "assets", name)
    with tf.io.gfile.GFile(path) as file:
        return contract.parse_lines(file.read())


def _write_history(
    result: TrainingResult, scored: scoring.Scoring, job: TrainingJob, folder: str
) -> None:
    found, rejection = scored.calibration, scored.rejection
    history = {
        "history": result.history,
        "best_epoch": result.best_epoch,
        "best_accuracy": result.best_accuracy,
        "train_s": result.train_s,
        "parameters": result.model.count_params(),
        "trained_parameters": result.trained_parameters,
        "vocabulary_size": job.model.vocabulary_size,
        "calibration": None if found is None else dataclasses.asdict(found),
        "rejection": None if rejection is None else dataclasses.asdict(rejection),
    }
    if result.joined:
        history["encoder_accuracy"] = result.joined.encoder_accuracy
        history["wide_accuracy"] = result.joined.wide_accuracy
    with tf.io.gfile.GFile(os.path.join(folder, _HISTORY_FILE), "w") as file:
        json.dump(history, file)


def read_history(uri: str) -> dict[str, Any]:
    """Reads the learning curve in the trainer's `model_run`."""
    with tf.io.gfile.GFile(os.path.join(uri, _HISTORY_FILE)) as file:
        return json.loads(file.read())
