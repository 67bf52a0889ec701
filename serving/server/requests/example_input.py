"""The `Input` of Classify, Regress and MultiInference: tf.Examples as strings."""

from typing import Any

import numpy as np

from serving.server.status import invalid_argument


def serialized(message: Any) -> np.ndarray:
    """`[B]` bytes, one tf.Example each; a context's bytes stand in front of each.

    Putting bytes in front merges the two messages, for that is how protobuf reads a
    field that comes twice.

    Raises:
        StatusError: there is no example.
    """
    context = b""
    examples = message.example_list.examples
    if message.WhichOneof("kind") == "example_list_with_context":
        listed = message.example_list_with_context
        context, examples = listed.context.SerializeToString(), listed.examples
    if not examples:
        raise invalid_argument("Input is empty.")
    array = np.empty(len(examples), dtype=object)
    array[:] = [context + example.SerializeToString() for example in examples]
    return array
