"""VersionedPusher: TFX's Pusher, but a version appears whole or not at all.

TFX copies file by file into the numbered folder that a server is watching. Here the
copy goes to a folder whose name no server reads, and is then renamed. The SavedModel
and the device files of one blessing get the same version number.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx import types
from tfx import v1 as tfx
from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from model import contract


class Executor(pusher_executor.Executor):
    """Pushes a blessed model to `<base_directory>/<version>`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        pushed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(
            exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination
        )
        version = version_of(input_dict)
        path = push(
            self.GetModelPath(input_dict),
            destination.filesystem.base_directory,
            version,
        )
        self._MarkPushed(pushed, pushed_destination=path, pushed_version=str(version))


def version_of(input_dict: dict[str, list[types.Artifact]]) -> int:
    """Gives the second of the blessing, or now where nobody recorded it."""
    blessings = input_dict.get(standard_component_specs.MODEL_BLESSING_KEY)
    recorded_ms = 0
    if blessings:
        recorded_ms = blessings[0].mlmd_artifact.create_time_since_epoch
    return recorded_ms // 1000 or int(time.time())


def push(model_path: str, base_directory: str, version: int) -> str:
    """Copies a folder to `<base_directory>/<version>` and returns that path.

    A version that is already there stays as it is: versions never change.
    """
    target = os.path.join(base_directory, str(version))
    if tf.io.gfile.exists(target):
        return target
    staging = os.path.join(base_directory, f"{contract.STAGING_PREFIX}{version}")
    if tf.io.gfile.exists(staging):  # An interrupted push left it.
        tf.io.gfile.rmtree(staging)
    try:
        io_utils.copy_dir(model_path, staging)
        tf.io.gfile.rename(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return target


def read_destination(pushed: tfx.dsl.Artifact) -> Path | None:
    """Reads where a `PushedModel`'s version went; None where it was refused."""
    if not pushed.get_int_custom_property("pushed"):
        return None
    return Path(pushed.get_string_custom_property("pushed_destination"))


class VersionedPusher(tfx.components.Pusher):
    """`tfx.components.Pusher` with the executor above."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
