"""Warm-up requests: what a server sends itself before it calls a model available."""

import os
from collections.abc import Sequence

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from model import contract


def write_warmup_requests(export_dir: str, batches: Sequence[Sequence[str]]) -> None:
    """Writes one Predict request per batch of texts into a SavedModel.

    TF Serving reads at most 1,000 of them.
    """
    path = os.path.join(export_dir, contract.WARMUP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for texts in batches:
            writer.write(_prediction_log(texts).SerializeToString())


def _prediction_log(texts: Sequence[str]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(
            name=contract.MODEL_NAME,
            signature_name=contract.Signature.SERVING_DEFAULT.value,
        ),
        inputs={contract.TEXT: tf.make_tensor_proto(list(texts), tf.string)},
    )
    log = prediction_log_pb2.PredictLog(request=request)
    return prediction_log_pb2.PredictionLog(predict_log=log)
