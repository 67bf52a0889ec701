"""TextTransform: TFX's Transform with the vocabulary as an input artifact.

Transform hands its preprocessing function a constant `custom_config` only. Here the
vocabulary's place joins it when the node runs, so that lineage and cache see it.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from tfx import types
from tfx import v1 as tfx
from tfx.components.transform import executor as transform_executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_component_specs
from tfx.utils import json_utils

from components.artifacts import Vocabulary
from model import contract

_VOCABULARY = "vocabulary"
_BATCH_ROWS = 4096
_CUSTOM_CONFIG = standard_component_specs.CUSTOM_CONFIG_KEY


class Executor(transform_executor.Executor):
    """Adds `contract.VOCABULARY_DIR` to `custom_config`, then transforms."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        inputs = dict(input_dict)
        vocabulary = artifact_utils.get_single_uri(inputs.pop(_VOCABULARY))
        config = json_utils.loads(exec_properties.get(_CUSTOM_CONFIG) or "{}") or {}
        config = {**config, contract.VOCABULARY_DIR: vocabulary}
        properties = {**exec_properties, _CUSTOM_CONFIG: json_utils.dumps(config)}
        super().Do(inputs, output_dict, properties)


class TextTransformSpec(standard_component_specs.TransformSpec):
    """Transform's specification and the vocabulary."""

    INPUTS = {
        **standard_component_specs.TransformSpec.INPUTS,
        _VOCABULARY: component_spec.ChannelParameter(type=Vocabulary),
    }


class TextTransform(base_beam_component.BaseBeamComponent):
    """Text to token ids, labels to class ids, by `preprocessing_fn`.

    Every split is transformed. Statistics are StatisticsGen's work, not repeated here.

    Args:
        examples: channel of `Examples`.
        schema: channel of one `Schema`.
        vocabulary: channel of one `Vocabulary`.
        preprocessing_fn: dotted path of the function.
        custom_config: further constants for it.
    """

    SPEC_CLASS = TextTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        vocabulary: types.BaseChannel,
        preprocessing_fn: str,
        custom_config: dict[str, Any],
    ) -> None:
        transformed = types.Channel(type=tfx.types.standard_artifacts.Examples)
        transformed.matching_channel_name = "examples"
        spec = TextTransformSpec(
            examples=examples,
            schema=schema,
            vocabulary=vocabulary,
            preprocessing_fn=preprocessing_fn,
            custom_config=json_utils.dumps(custom_config),
            force_tf_compat_v1=0,
            disable_statistics=1,
            transform_graph=types.Channel(
                type=tfx.types.standard_artifacts.TransformGraph
            ),
            transformed_examples=transformed,
        )
        super().__init__(spec=spec)


def read_token_lengths(uri: str, split: str) -> tuple[int, ...]:
    """Counts the texts of n tokens at position n, of one split that was transformed."""
    feature = {
        contract.TOKEN_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
    }
    records = tf.data.TFRecordDataset(
        tf.io.gfile.glob(f"{uri}/Split-{split}/*"), compression_type="GZIP"
    )
    lengths = [
        tf.io.parse_example(batch, feature)[contract.TOKEN_IDS].row_lengths().numpy()
        for batch in records.batch(_BATCH_ROWS)
    ]
    return tuple(np.bincount(np.concatenate(lengths)).tolist())
