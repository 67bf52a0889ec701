"""TensorFlow in a server process: imported once and late; how its sessions are made."""

import functools
import gc
import logging
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from serving.client import protos
from serving.server.batching import cores
from serving.server.config_files import parse_message, read_settings
from serving.server.flags import ServerFlags

log = logging.getLogger(__name__)

BFLOAT16 = "bfloat16"
_ON = 1  # RewriterConfig.Toggle


@functools.cache
def tensorflow() -> Any:
    """Returns the package, with the operations of our SavedModels registered.

    Its half a million objects live as long as the process. They are taken out of
    garbage collections, which would hold up every request for 0.2 s each time.
    """
    import tensorflow
    import tensorflow_text  # noqa: F401

    gc.collect()
    gc.freeze()
    return tensorflow


def session_config(flags: ServerFlags, batch_threads: int = 0) -> dict[str, Any]:
    """Gathers what the flags say, as nested fields: a file first, then single flags.

    Needs no TensorFlow, so that a bad file stops the server before anything is loaded.

    Args:
        flags: of the server.
        batch_threads: how many batches run at a time; where neither file nor flags say
            how many threads a session has, they share the cores. 0: no batching.

    Raises:
        StatusError: INVALID_ARGUMENT, the file is not a text-format ConfigProto.
    """
    message_class = protos.message_class("tensorflow.ConfigProto")
    path = flags.tensorflow_session_config_file
    config = message_class()
    if path:
        config = read_settings(path, lambda text: parse_message(text, message_class))
    # Upstream lets flags that were not given win too, and so loses what the file says.
    both = flags.tensorflow_session_parallelism
    shared = 0
    if batch_threads:
        shared = cores.threads_per_batch(cores.available_cores(), batch_threads)
    config.intra_op_parallelism_threads = (
        flags.tensorflow_intra_op_parallelism
        or both
        or config.intra_op_parallelism_threads
        or shared
    )
    config.inter_op_parallelism_threads = (
        flags.tensorflow_inter_op_parallelism
        or both
        or config.inter_op_parallelism_threads
        or batch_threads
    )
    if flags.per_process_gpu_memory_fraction:
        config.gpu_options.per_process_gpu_memory_fraction = (
            flags.per_process_gpu_memory_fraction
        )
    if flags.mixed_precision == BFLOAT16:
        rewrites = config.graph_options.rewrite_options
        rewrites.auto_mixed_precision_onednn_bfloat16 = _ON
        log.info("Running inference with bfloat16 auto mixed precision")
    elif flags.mixed_precision:
        log.warning(
            "%s auto mixed precision is not supported. Valid option: bfloat16",
            flags.mixed_precision,
        )
    fields = json_format.MessageToDict(config, preserving_proto_field_name=True)
    return dict(fields)


def config_proto(fields: Mapping[str, Any]) -> Any:
    """Makes TensorFlow's own ConfigProto with those fields."""
    config = tensorflow().compat.v1.ConfigProto(allow_soft_placement=True)
    return json_format.ParseDict(fields, config)
