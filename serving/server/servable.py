"""A SavedModel in a session, fed and read as TF Serving does it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from serving import protos
from serving.server.batchable import batchable
from serving.server.batching import BatchingConfig
from serving.server.status import Code, StatusError, from_exception


class SavedModelServable:
    """One version in its own graph and session, so that closing it frees its memory.

    The session's C entry is called as TensorFlow Serving's C++ does: it checks types
    and leaves shapes to the operations, and its errors have the same words.
    """

    def __init__(self, session: Any, signatures: Mapping[str, Any]) -> None:
        self.signatures = signatures
        self.batching: BatchingConfig | None = None
        self.batchable_signatures: frozenset[str] = frozenset()
        self._session = session
        self._feeds: dict[str, dict[str, Any]] = {}
        self._fetches: dict[str, dict[str, Any]] = {}
        for name, signature in signatures.items():
            self._feeds[name] = _tensors(session.graph, signature.inputs)
            self._fetches[name] = _tensors(session.graph, signature.outputs)

    def set_batching(self, config: BatchingConfig | None) -> None:
        """Says how a scheduler may batch; signatures that cannot are left out."""
        self.batching = config
        self.batchable_signatures = frozenset()
        if config is not None:
            self.batchable_signatures = batchable(self.signatures)

    def freeze(self) -> None:
        """Hands the finished graph to the runtime. Call once, before the first run."""
        self._session._extend_graph()
        for tensors in (*self._feeds.values(), *self._fetches.values()):
            for alias, tensor in tensors.items():
                tensors[alias] = tensor._as_tf_output()

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        """The named outputs.

        Raises:
            StatusError: with TensorFlow's code and words.
        """
        feeds = self._feeds[signature_name]
        fetches = self._fetches[signature_name]
        feed = {feeds[alias]: value for alias, value in inputs.items()}
        try:
            found = self._call(feed, [fetches[alias] for alias in outputs], timeout_s)
        except Exception as error:  # noqa: BLE001  OpError; TypeError of its binding
            raise _run_error(error) from None
        return dict(zip(outputs, found, strict=True))

    def close(self) -> None:
        self._session.close()

    def _call(
        self, feed: dict[Any, Any], fetch: list[Any], timeout_s: float | None
    ) -> Any:
        if timeout_s is None:
            return self._session._call_tf_sessionrun(None, feed, fetch, [], None)
        return _call_with_timeout(self._session, feed, fetch, timeout_s)


def _call_with_timeout(session: Any, feed: Any, fetch: Any, timeout_s: float) -> Any:
    from tensorflow.python.client import pywrap_tf_session as tf_session

    # RunOptions.timeout_in_ms is field 2, a varint; 0 would mean no limit.
    options = b"\x10" + _varint(max(1, int(timeout_s * 1000)))
    buffer = tf_session.TF_NewBufferFromString(options)
    try:
        return session._call_tf_sessionrun(buffer, feed, fetch, [], None)
    finally:
        tf_session.TF_DeleteBuffer(buffer)


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def load(path: str, tags: Sequence[str], session_config: Mapping[str, int]) -> Any:
    """The servable of a SavedModel directory, not frozen yet.

    Raises:
        Exception: whatever TensorFlow raises for a damaged or missing model.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the operations of our SavedModels

    graph = tf.Graph()
    options = tf.compat.v1.ConfigProto(allow_soft_placement=True, **session_config)
    session = tf.compat.v1.Session(graph=graph, config=options)
    try:
        with graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(session, list(tags), path)
    except BaseException:
        session.close()
        raise
    return SavedModelServable(session, _signatures(meta_graph))


def _signatures(meta_graph: Any) -> dict[str, Any]:
    """SignatureDefs as our own messages, by name."""
    return {
        name: protos.SignatureDef.FromString(signature.SerializeToString())
        for name, signature in meta_graph.signature_def.items()
    }


def _tensors(graph: Any, infos: Mapping[str, Any]) -> dict[str, Any]:
    # Sparse and composite inputs have no single name and cannot be fed by it.
    names = {alias: info.name for alias, info in sorted(infos.items()) if info.name}
    get: Callable[[str], Any] = graph.get_tensor_by_name
    return {alias: get(name) for alias, name in names.items() if ":" in name}


def _run_error(error: Exception) -> StatusError:
    status = from_exception(error)
    if status.code is Code.INTERNAL and isinstance(error, TypeError | ValueError):
        return StatusError(Code.INVALID_ARGUMENT, str(error))
    return status
