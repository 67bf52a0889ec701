"""VersionedPusher: both models under one number, or neither; a version whole or not.

TFX's Pusher knows one model, and copies file by file into the numbered folder that a
server is watching. Here the SavedModel and the device files are copied to folders whose
names no server reads; when all of them are complete, they are renamed.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from tfx import v1 as tfx
from tfx.components.util import model_utils
from tfx.utils import io_utils, path_utils

from components.pushing import pushed_versions
from model import contract


class Delivery(NamedTuple):
    """One folder to push, and the folder of versions that gets it."""

    model_path: str
    base_directory: str


@tfx.dsl.components.component
def VersionedPusher(
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    edge_model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    model_blessing: tfx.dsl.components.InputArtifact[
        tfx.types.standard_artifacts.ModelBlessing
    ],
    server_blessing: tfx.dsl.components.InputArtifact[
        tfx.types.standard_artifacts.InfraBlessing
    ],
    edge_blessing: tfx.dsl.components.InputArtifact[
        tfx.types.standard_artifacts.InfraBlessing
    ],
    pushed_model: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.PushedModel
    ],
    pushed_edge_model: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.PushedModel
    ],
    serving_dir: tfx.dsl.components.Parameter[str],
    edge_dir: tfx.dsl.components.Parameter[str],
    run_id: tfx.dsl.components.Parameter[str],
    linear_blessing: tfx.dsl.components.InputArtifact[
        tfx.types.standard_artifacts.InfraBlessing
    ] = None,
) -> None:
    """Pushes to `<serving_dir>/<version>` and `<edge_dir>/<version>`, if all agree.

    One refusal is enough for neither to be pushed. `linear_blessing` is only there
    where a gain over the linear model is asked for.
    """
    del run_id  # Never the same: a version that somebody deleted is pushed again.
    # Devices first: a SavedModel that is served has its device files.
    repair((edge_dir, serving_dir))
    pushed = (pushed_edge_model, pushed_model)
    is_blessed = (
        model_utils.is_model_blessed(model_blessing)
        and model_utils.is_infra_validated(server_blessing)
        and model_utils.is_infra_validated(edge_blessing)
        and (linear_blessing is None or model_utils.is_infra_validated(linear_blessing))
    )
    if not is_blessed:
        for artifact in pushed:
            artifact.set_int_custom_property("pushed", 0)
        return
    deliveries = (
        Delivery(path_utils.serving_model_path(edge_model.uri), edge_dir),
        Delivery(path_utils.serving_model_path(model.uri), serving_dir),
    )
    blessed_at_s = version_of((model_blessing, edge_blessing))
    version = free_version(deliveries, blessed_at_s)
    for artifact, path in zip(pushed, push(deliveries, version), strict=True):
        artifact.set_int_custom_property("pushed", 1)
        artifact.set_string_custom_property("pushed_destination", path)
        artifact.set_string_custom_property("pushed_version", str(version))


def version_of(blessings: Sequence[tfx.dsl.Artifact]) -> int:
    """Gives the second of the latest blessing, or now where nobody recorded it.

    Other device files of the same model were blessed later: they are a new version.
    """
    recorded_ms = [each.mlmd_artifact.create_time_since_epoch for each in blessings]
    return max(recorded_ms, default=0) // 1000 or int(time.time())


def free_version(deliveries: Sequence[Delivery], wanted: int) -> int:
    """Gives the number to push under: above all others, so that it is served.

    Files that are served already, as after a step that ran twice, keep their number.
    """
    bases = [delivery.base_directory for delivery in deliveries]
    newest = max((pushed_versions.highest(base) for base in bases), default=0)
    is_withdrawn = any(newest in pushed_versions.withdrawn(base) for base in bases)
    if newest and not is_withdrawn and _is_pushed(deliveries, newest):
        return newest
    return max(wanted, newest + 1)


def _is_pushed(deliveries: Sequence[Delivery], version: int) -> bool:
    """Whether what stands under that number is the same; half of it may be missing."""
    targets = [
        (delivery.model_path, pushed_versions.path_of(delivery.base_directory, version))
        for delivery in deliveries
    ]
    there = [pair for pair in targets if tf.io.gfile.exists(pair[1])]
    return bool(there) and all(_digest(model) == _digest(path) for model, path in there)


def _digest(folder: str) -> str:
    digest = hashlib.sha256()
    for directory, _, names in sorted(tf.io.gfile.walk(folder)):
        for name in sorted(names):
            path = os.path.join(directory, name)
            digest.update(os.path.relpath(path, folder).encode())
            with tf.io.gfile.GFile(path, "rb") as file:
                digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def push(deliveries: Sequence[Delivery], version: int) -> list[str]:
    """Copies each to `<base_directory>/<version>`, all or none; returns those paths.

    A version that is already there stays as it is: versions never change.
    """
    bases = [delivery.base_directory for delivery in deliveries]
    targets = [pushed_versions.path_of(base, version) for base in bases]
    try:
        for delivery, target in zip(deliveries, targets, strict=True):
            if not tf.io.gfile.exists(target):
                staging = _staging(delivery.base_directory, version)
                io_utils.copy_dir(delivery.model_path, staging)
        _mark_complete(bases, version)
    except BaseException:
        for base in bases:
            _discard(_staging(base, version))
        raise
    try:
        repair(bases)
    except BaseException:  # Ctrl-C between two names: a second call ends it.
        repair(bases)
        raise
    return targets


def repair(bases: Sequence[str]) -> None:
    """Ends what an interrupted push began, where all of it had been copied.

    What was copied by half stays unpublished: another run may be at it just now.
    `bases` in the order in which they are published.
    """
    for version in _complete_versions(bases):
        for base in bases:
            _publish(base, version)
        with _another_run_may_be_quicker():
            tf.io.gfile.remove(_complete_mark(bases, version))


def read_destination(pushed: tfx.dsl.Artifact) -> Path | None:
    """Reads where a `PushedModel`'s version went; None where it was refused."""
    if not pushed.get_int_custom_property("pushed"):
        return None
    return Path(pushed.get_string_custom_property("pushed_destination"))


def _publish(base: str, version: str) -> None:
    staging, target = _staging(base, version), pushed_versions.path_of(base, version)
    if tf.io.gfile.exists(target):
        _discard(staging)
    else:
        with _another_run_may_be_quicker():
            tf.io.gfile.rename(staging, target)


def _discard(staging: str) -> None:
    with _another_run_may_be_quicker():
        tf.io.gfile.rmtree(staging)


def _another_run_may_be_quicker() -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(tf.errors.NotFoundError, tf.errors.AlreadyExistsError)


def _mark_complete(bases: Sequence[str], version: int) -> None:
    tf.io.gfile.makedirs(bases[-1])
    io_utils.write_string_file(_complete_mark(bases, version), "")


def _complete_versions(bases: Sequence[str]) -> list[str]:
    prefix = contract.COMPLETE_PREFIX
    return [
        name.removeprefix(prefix)
        for name in pushed_versions.names(bases[-1])
        if name.startswith(prefix)
    ]


def _complete_mark(bases: Sequence[str], version: int | str) -> str:
    return os.path.join(bases[-1], f"{contract.COMPLETE_PREFIX}{version}")


def _staging(base: str, version: int | str) -> str:
    return os.path.join(base, f"{contract.STAGING_PREFIX}{version}")
