"""Training on several hosts: who is who, and what Keras needs mended for it.

Keras 3's `fit` does not run under MultiWorkerMirroredStrategy (keras-team/keras#20585).
Two functions of its trainer are at fault; `mended` replaces them for as long as it
lasts, in the one version of Keras that was looked into.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

MENDED_KERAS = "3.15"
"""The Keras whose trainer `mended` knows, as `major.minor`."""

_WORKER = "worker"


def join(workers: Sequence[str], index: int) -> tf.distribute.Strategy:
    """Joins the hosts, and waits until all are there.

    TensorFlow must not have computed anything in this process.

    Args:
        workers: every host as `host:port`; the first one is the chief.
        index: which of them this is.

    Raises:
        RuntimeError: This is another Keras than the one that can be mended.
    """
    if keras.__version__.rpartition(".")[0] != MENDED_KERAS:
        raise RuntimeError(
            f"Keras {keras.__version__} is installed; training on several hosts is "
            f"known to work with Keras {MENDED_KERAS} only, whose trainer it mends. "
            "Install that one, or train on one host."
        )
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({_WORKER: list(workers)}),
        task_type=_WORKER,
        task_id=index,
        rpc_layer="grpc",
    )
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)


def are_several(strategy: tf.distribute.Strategy) -> bool:
    """Says whether other processes train along."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy: tf.distribute.Strategy | None) -> bool:
    """Says whether this process writes what all of them made; alone it does."""
    if strategy is None or not are_several(strategy):
        return True
    return strategy.cluster_resolver.task_id == 0


@contextlib.contextmanager
def mended(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Lets `fit` run under the strategy; changes nothing where it is on one host."""
    if not are_several(strategy):
        yield
        return
    trainer, module = keras_trainer()
    build, reduce = trainer._maybe_symbolic_build, module.reduce_per_replica
    trainer._maybe_symbolic_build = _build_from_local_rows
    module.reduce_per_replica = _mean_over_hosts
    try:
        yield
    finally:
        trainer._maybe_symbolic_build = build
        module.reduce_per_replica = reduce


def keras_trainer() -> tuple[Any, Any]:
    """Finds Keras's trainer for TensorFlow, and the module that it is defined in."""
    (trainer,) = (c for c in keras.Model.__mro__ if c.__name__ == "TensorFlowTrainer")
    return trainer, sys.modules[trainer.__module__]


def _build_from_local_rows(
    self: Any, iterator: Any = None, data_batch: Any = None
) -> None:
    """Builds from the rows of one replica; Keras would average rows over hosts."""
    strategy = self.distribute_strategy
    if iterator is not None:
        for _, _, batches in iterator:
            data_batch = keras.tree.map_structure(
                lambda value: strategy.experimental_local_results(value)[0],
                next(batches),
            )
            break
    with strategy.scope():
        self._symbolic_build(data_batch=data_batch)


def _mean_over_hosts(values: Any, strategy: Any, reduction: str) -> Any:
    """Averages whole values; Keras would average along an axis that numbers lack."""
    if reduction not in ("auto", "mean"):
        raise NotImplementedError(f"{reduction} of several hosts is not mended.")
    return keras.tree.map_structure(
        lambda value: strategy.reduce("MEAN", value, axis=None), values
    )
