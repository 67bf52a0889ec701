"""Artifact types that TFX does not have, and what our components write into them."""

import json
import os
from typing import Any

import tensorflow as tf
from tfx import v1 as tfx
from tfx.utils import io_utils

_BLESSED_FILE, _NOT_BLESSED_FILE = "INFRA_BLESSED", "INFRA_NOT_BLESSED"


class Vocabulary(tfx.dsl.Artifact):
    """A folder with `vocab.txt`, `labels.txt` and `tokenizer.json`."""

    TYPE_NAME = "components.Vocabulary"


class Predictions(tfx.dsl.Artifact):
    """A folder with `predictions.npz`: what the SavedModel says of one split."""

    TYPE_NAME = "components.Predictions"


class TeacherReport(tfx.dsl.Artifact):
    """A folder with `teacher.json`: what a teacher was asked, and is worth."""

    TYPE_NAME = "components.TeacherReport"


class ServerReport(tfx.dsl.Artifact):
    """A folder with `server.json`: how a real model server answered."""

    TYPE_NAME = "components.ServerReport"


class DeviceReport(tfx.dsl.Artifact):
    """A folder with `device.json`: how each device file answered."""

    TYPE_NAME = "components.DeviceReport"


class LinearReport(tfx.dsl.Artifact):
    """A folder with `linear.json`: what a linear model reaches on the same splits."""

    TYPE_NAME = "components.LinearReport"


def bless(blessing: tfx.dsl.Artifact, blessed: bool) -> None:
    """Makes an `InfraBlessing` say what Pusher reads from it."""
    name = _BLESSED_FILE if blessed else _NOT_BLESSED_FILE
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property("blessed", int(blessed))


def write_json(uri: str, name: str, value: dict[str, Any]) -> None:
    """Writes one file of an artifact."""
    with tf.io.gfile.GFile(os.path.join(uri, name), "w") as file:
        json.dump(value, file)


def read_json(uri: str, name: str) -> dict[str, Any]:
    """Reads what `write_json` wrote."""
    with tf.io.gfile.GFile(os.path.join(uri, name)) as file:
        return json.loads(file.read())
