"""TF Serving's own example model, built as its documentation builds it.

The first model of every tutorial: `y = x / 2 + 2`, with one signature for each call.
Importing this loads TensorFlow.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tests.support.serving.fakes import FakeServer
from tests.support.serving.saved_models import save_number_model

v1 = tf.compat.v1


MODELS = """
model_config_list {{
  config {{
    name: "half_plus_two" base_path: "{0}/half_plus_two" model_platform: "tensorflow"
    version_labels {{ key: "stable" value: 123 }}
  }}
  config {{
    name: "numbers" base_path: "{0}/numbers" model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "canary" value: 2 }}
  }}
}}
"""


def serve_half_plus_two(folder: pathlib.Path, **flags: Any) -> FakeServer:
    """A server for two models: `half_plus_two` and the number model as `numbers`.

    The first has version 123, in a directory named as upstream's is, with leading
    zeros; the second has versions 1 and 2, whose answers differ by 1.
    """
    save_half_plus_two(folder / "half_plus_two" / "00000123")
    for version in (1, 2):
        save_number_model(folder / "numbers" / str(version), float(version))
    config = folder / "models.config"
    config.write_text(MODELS.format(folder))
    monitoring = folder / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    files = {"model_config_file": config, "monitoring_config_file": monitoring}
    settings = {name: str(path) for name, path in files.items()} | flags
    return FakeServer(folder / "unused", loader=None, **settings)


def save_half_plus_two(path: pathlib.Path, offset: float = 2.0) -> None:
    """A SavedModel of TensorFlow 1: placeholders, variables, method names."""
    builder = v1.saved_model.builder.SavedModelBuilder(str(path))
    with v1.Session(graph=tf.Graph()) as session:
        serialized = v1.placeholder(tf.string, [None], "tf_example")
        features = {
            "x": v1.FixedLenFeature([1], tf.float32),
            "x2": v1.FixedLenFeature([1], tf.float32, default_value=[0.0]),
        }
        parsed = v1.parse_example(serialized, features)
        x = tf.identity(parsed["x"], "x")
        y = tf.add(v1.Variable(0.5) * x, v1.Variable(offset), "y")
        session.run(v1.global_variables_initializer())
        signatures = dict(_signatures(serialized, x, y))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()


def _signatures(serialized: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> Iterator[Any]:
    yield _signature("serving_default", {"x": x}, {"y": y}, "predict")
    examples = {"inputs": serialized}
    yield _signature("regress_x_to_y", examples, {"outputs": y}, "regress")
    yield _signature("classify_x_to_y", examples, {"scores": y}, "classify")
    # What no client can use: upstream has a sentence for each.
    yield _signature("bad_regress", {"inputs": x}, {"outputs": y}, "regress")
    yield _signature("constant", {}, {"y": tf.constant([1.0])}, "predict")
    factor = v1.placeholder(tf.float32, [], "factor")
    times = v1.saved_model.signature_def_utils.build_signature_def(
        {"x": _info(x), "factor": _info(factor)},
        {"y": _info(x * factor)},
        "tensorflow/serving/predict",
        {"factor": tf.constant(3.0)},
    )
    yield "times", times


def _info(tensor: tf.Tensor) -> Any:
    return v1.saved_model.utils.build_tensor_info(tensor)


def _signature(name: str, inputs: Any, outputs: Any, method: str) -> tuple[str, Any]:
    signature = v1.saved_model.signature_def_utils.build_signature_def(
        {alias: _info(tensor) for alias, tensor in inputs.items()},
        {alias: _info(tensor) for alias, tensor in outputs.items()},
        f"tensorflow/serving/{method}",
    )
    return name, signature
