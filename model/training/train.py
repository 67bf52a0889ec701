"""Trains the classifier. Knows no TFX: a job goes in, a model comes out."""

import dataclasses
import time
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from model.adaptation.adapted import Adapted, trains_table
from model.adaptation.config import AdaptationConfig
from model.adaptation.head_start import MAX_ROWS, fit_head
from model.adaptation.prompt import Prompt
from model.adaptation.rates import learning_rate_multipliers
from model.adaptation.trained import count_trained
from model.config import DistillationConfig, ModelConfig, TrainingConfig
from model.pretrained.folder import PretrainedFolder
from model.text.special_tokens import SpecialIds
from model.training import callbacks, data, step
from model.training.augmentation import Augmentation
from model.training.bucketing import Batching
from model.training.callbacks import Progress
from model.training.distillation import DistillationLoss, LabelAccuracy
from model.training.hardware import devices, hosts
from model.training.hardware.devices import DevicePlan
from model.training.losses import SmoothedCrossentropy
from model.training.optimizers.build import build_optimizer
from model.wide.fit import fit
from model.wide.join import Joined, join

MONITOR = "val_accuracy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything `train` needs.

    `train_pattern` and `validation_pattern` are globs of gzip TFRecords with
    `token_ids` and `label_id`. With a `checkpoint_dir` an interrupted job goes on from
    its last full epoch when it is run again. `vocabulary` has the tokens in the order
    of their ids; without it word pieces are not split in training. `strategy` is a
    MirroredStrategy over all GPUs, where there are several, unless given; with one of
    `hosts.join` only the first host writes checkpoints. With `distillation` the records
    of `train_pattern` have `teacher_scores`, too. The encoder begins with the weights
    of `pretrained`, whose form `model` must have.
    """

    train_pattern: str | Sequence[str]
    validation_pattern: str | Sequence[str]
    model: ModelConfig
    training: TrainingConfig
    adaptation: AdaptationConfig = AdaptationConfig()
    prompt: Prompt | None = None
    pretrained: PretrainedFolder | None = None
    log_dir: str | None = None
    checkpoint_dir: str | None = None
    on_progress: Callable[[Progress], None] | None = None
    vocabulary: Sequence[str] = ()
    distillation: DistillationConfig | None = None
    strategy: tf.distribute.Strategy | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """A trained model and how it came about.

    `model` computes in float32, whatever it was trained in, and has the weights of
    `best_epoch` (counted from 1). `history` has one row of metrics per epoch.
    `trained_parameters` of its numbers, or of what was merged into them, were trained.
    With a wide branch `best_accuracy` is that of `joined`, the encoder and the branch.
    """

    model: keras.Model
    history: list[dict[str, float]]
    best_epoch: int
    best_accuracy: float
    steps_per_epoch: int
    train_s: float
    trained_parameters: int
    joined: Joined | None = None


def train(job: TrainingJob) -> TrainingResult:
    """Trains until the validation accuracy stops rising, and keeps the best weights.

    Raises:
        FileNotFoundError: no file matches a pattern.
        ValueError: a split has no examples, or the pretrained weights do not fit.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(job.training.seed)
    strategy = job.strategy or devices.strategy()
    chunks = data.read_chunks(
        _as_list(job.train_pattern),
        taught_classes=job.model.num_classes if job.distillation else None,
    )
    split = _survey(job, chunks)
    schedule = _Length.of(job.training, split.rows)
    adapted = _adapted(job, split)
    with strategy.scope():
        plan = _plan(job, strategy, schedule)
        model = step.training_view(adapted.start(plan.dtype), plan)
        _compile(model, job, schedule, plan)
        digest = job.pretrained.digest if job.pretrained else ""
        writes = hosts.is_chief(strategy)
        curve = callbacks.Resume(job.checkpoint_dir, digest=digest, writes=writes)
        epochs_done = curve.restore(model)
        if not epochs_done and _has_new_head(job):
            fit_head(model, _sampled_batches(job, chunks, split))
    watch = callbacks.KeepBest(
        job.checkpoint_dir,
        monitor=MONITOR,
        patience=job.training.patience,
        writes=writes,
    )
    with hosts.mended(strategy):
        model.fit(
            _training_data(job, chunks, epochs_done * schedule.steps_per_epoch),
            validation_data=validation_batches(job),
            epochs=schedule.epochs,
            initial_epoch=epochs_done,
            steps_per_epoch=schedule.steps_per_epoch,
            callbacks=[watch, *_averages(job), curve, *_callbacks(job, schedule)],
            shuffle=False,  # The data is, already.
            verbose=0,
        )
    classifier = adapted.exported(model)
    joined = _joined(job, classifier, chunks)
    return TrainingResult(
        model=joined.model if joined else classifier,
        history=curve.rows,
        best_epoch=watch.best_epoch,
        best_accuracy=joined.accuracy if joined else watch.best,
        steps_per_epoch=schedule.steps_per_epoch,
        train_s=curve.earlier_s + time.monotonic() - started,
        trained_parameters=count_trained(model),
        joined=joined,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Length:
    epochs: int
    steps_per_epoch: int

    @classmethod
    def of(cls, config: TrainingConfig, num_examples: int) -> "_Length":
        steps_per_epoch = max(1, num_examples // config.global_batch_size)
        steps_per_epoch = min(steps_per_epoch, config.max_steps)
        epochs = min(config.max_epochs, max(1, config.max_steps // steps_per_epoch))
        return cls(epochs=epochs, steps_per_epoch=steps_per_epoch)

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def _plan(
    job: TrainingJob, strategy: tf.distribute.Strategy, schedule: _Length
) -> DevicePlan:
    return devices.choose(
        job.training,
        devices.Hardware.of(strategy),
        hidden_dim=job.model.hidden_dim,
        total_steps=schedule.total_steps,
    )


def _compile(
    model: keras.Model, job: TrainingJob, schedule: _Length, plan: DevicePlan
) -> None:
    model.compile(
        optimizer=_optimizer(job, schedule, plan.dtype),
        loss=_loss(job),
        metrics=[LabelAccuracy(name="accuracy")],
        jit_compile=plan.jit_step,
        auto_scale_loss=False,
    )


def _optimizer(
    job: TrainingJob, schedule: _Length, dtype: str
) -> keras.optimizers.Optimizer:
    batches = job.training.gradient_accumulation_steps
    return build_optimizer(
        job.training,
        schedule.total_steps,
        dtype=dtype,
        learning_rate_multipliers=learning_rate_multipliers(
            job.adaptation,
            job.model.num_layers,
            max(1, schedule.steps_per_epoch // batches),
        ),
    )


def _loss(job: TrainingJob) -> keras.losses.Loss:
    smoothing = job.training.label_smoothing
    if job.distillation is None:
        return SmoothedCrossentropy(smoothing)
    return DistillationLoss.of(job.distillation, smoothing)


def _training_data(
    job: TrainingJob, chunks: tf.data.Dataset, steps_done: int
) -> tf.data.Dataset:
    """Gives the batches that come after what an interrupted training has seen."""
    augment = Augmentation(
        token_dropout=job.training.token_dropout,
        piece_splitting=job.training.piece_splitting if job.vocabulary else 0.0,
        vocabulary=job.vocabulary,
    )
    batches = data.training_batches(
        chunks, _batching(job), augment, seed=job.training.seed
    )
    return batches.skip(steps_done)


def _has_new_head(job: TrainingJob) -> bool:
    """Random weights below would make nothing of a head that fits them."""
    is_new = job.pretrained is not None and job.prompt is None
    return is_new and job.adaptation.fit_head


def _sampled_batches(
    job: TrainingJob, chunks: tf.data.Dataset, split: data.Survey
) -> tf.data.Dataset:
    """Labelled rows of the train split as they are; of many, some."""
    share = MAX_ROWS / max(1, split.labelled)
    some = data.sample(chunks, share, seed=job.training.seed)
    return data.evaluation_batches(some, _batching(job))


def validation_batches(job: TrainingJob) -> tf.data.Dataset:
    """Reads the validation split, every row once, always in one order."""
    chunks = data.read_chunks(_as_list(job.validation_pattern))
    return data.evaluation_batches(chunks, _batching(job))


def _averages(job: TrainingJob) -> list[keras.callbacks.Callback]:
    return [callbacks.EvaluateAverages()] if job.training.ema_momentum else []


def _callbacks(job: TrainingJob, schedule: _Length) -> list[keras.callbacks.Callback]:
    chosen: list[keras.callbacks.Callback] = []
    if job.log_dir:
        chosen.append(keras.callbacks.TensorBoard(job.log_dir, write_graph=False))
    if job.on_progress:
        chosen.append(
            callbacks.ReportProgress(
                job.on_progress, schedule.epochs, schedule.steps_per_epoch
            )
        )
    return chosen


def _adapted(job: TrainingJob, split: data.Survey) -> Adapted:
    return Adapted(
        model=job.model,
        adaptation=job.adaptation,
        prompt=job.prompt,
        pretrained=job.pretrained,
        used_ids=_used_ids(job, split),
    )


def _used_ids(job: TrainingJob, split: data.Survey) -> tuple[int, ...]:
    """Lists the ids that training can see; nothing where it makes up new ones."""
    if job.training.piece_splitting or not split.token_ids:
        return ()
    used = set(split.token_ids)
    if job.vocabulary:
        used.update(SpecialIds.of(job.vocabulary).ids)
    if job.prompt is not None:
        used.update(job.prompt.before + job.prompt.after)
    return tuple(sorted(used))


def _joined(
    job: TrainingJob, classifier: keras.Model, chunks: tf.data.Dataset
) -> Joined | None:
    """Adds the wide branch, where the settings ask for it and it can be had."""
    if not job.model.wide_branch:
        return None
    rows, label_ids = data.labelled_rows(chunks)
    wide = fit(rows, label_ids, job.vocabulary, job.model)
    return join(classifier, wide, validation_batches(job)) if wide else None


def _batching(job: TrainingJob) -> Batching:
    return Batching(
        global_batch_size=job.training.global_batch_size,
        max_sequence_length=job.model.max_sequence_length,
    )


def _survey(job: TrainingJob, chunks: tf.data.Dataset) -> data.Survey:
    wants_ids = job.pretrained is not None and trains_table(job.adaptation)
    split = data.survey(chunks, with_token_ids=wants_ids)
    if not split.rows:
        raise ValueError(f"There are no examples in {job.train_pattern!r}.")
    return split


def _as_list(pattern: str | Sequence[str]) -> list[str]:
    return [pattern] if isinstance(pattern, str) else list(pattern)
