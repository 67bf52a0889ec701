"""The Trainer's work without an orchestrator, on one host or as one of several."""

import contextlib
import dataclasses
import logging
import os
import tempfile
from collections.abc import Iterator

import tensorflow as tf
from tfx import v1 as tfx
from tfx.utils import path_utils

from model import contract, hooks
from model.training.hardware import hosts
from pipeline.cluster import Cluster
from pipeline.config import PipelineConfig, RunConfig
from pipeline.errors import SettingError
from pipeline.nodes.create import trainer_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingPlaces:
    """What Transform made, and where the model goes; all hosts see all three."""

    examples_uri: str
    transform_uri: str
    output_uri: str

    def __post_init__(self) -> None:
        for split in (contract.TRAIN, contract.VALIDATION):
            if not tf.io.gfile.glob(self.files(split)):
                raise SettingError(
                    f"There is nothing at {self.files(split)}. --examples is "
                    "transformed_examples/N of a pipeline's Transform."
                )
        if not tf.io.gfile.isdir(f"{self.transform_uri}/transform_fn"):
            raise SettingError(
                f"There is no transform_fn in {self.transform_uri}. --transform-graph "
                "is the folder transform_graph/N of a pipeline's Transform."
            )

    def files(self, split: str) -> str:
        """Gives the pattern of a split's files."""
        return f"{self.examples_uri}/Split-{split}/*"


def train_here(
    run: RunConfig, places: TrainingPlaces, cluster: Cluster | None
) -> str | None:
    """Trains and exports, as the pipeline's Trainer does.

    Returns:
        The folder of the SavedModel; None on a host that is not the first.
    """
    strategy = hosts.join(cluster.workers, cluster.index) if cluster else None
    is_chief = hosts.is_chief(strategy)
    config = PipelineConfig(
        name="training",
        run=run,
        pipeline_root=places.output_uri,
        serving_dir="",
        edge_dir="",
        checkpoint_root=f"{places.output_uri}/checkpoints",
    )
    with _output(places, is_chief=is_chief) as output_uri, _progress_told():
        model_uri = path_utils.serving_model_dir(f"{output_uri}/model")
        hooks.run_fn(
            tfx.components.FnArgs(
                train_files=[places.files(contract.TRAIN)],
                eval_files=[places.files(contract.VALIDATION)],
                transform_output=places.transform_uri,
                serving_model_dir=model_uri,
                model_run_dir=f"{output_uri}/model_run",
                custom_config=trainer_settings(config),
            ),
            strategy,
        )
    return model_uri if is_chief else None


@contextlib.contextmanager
def _output(places: TrainingPlaces, *, is_chief: bool) -> Iterator[str]:
    """Gives the place to write to: only the chief's stays."""
    if is_chief:
        tf.io.gfile.makedirs(f"{places.output_uri}/model_run")
        yield places.output_uri
        return
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/model_run")
        yield folder


@contextlib.contextmanager
def _progress_told() -> Iterator[None]:
    """Prints each epoch, in a line, as a pod's log wants it."""
    logger = logging.getLogger(contract.PROGRESS_LOGGER)
    handler = _EpochLines()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


class _EpochLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Prints what stands at the end of an epoch; there are many steps."""
        progress = getattr(record, "progress", None)
        if progress is not None and progress.ends_epoch:
            print(progress.told, flush=True)
