"""A SavedModel in a session, fed and read as TF Serving does it."""

import gc
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.client import protos
from serving.server.loading.run_options import InlinePolicy, is_bounded, options_buffer
from serving.server.loading.session import tensorflow
from serving.server.servable import Call, Servable
from serving.server.status import Code, StatusError, from_exception, invalid_argument


class SavedModelServable(Servable):
    """One version in its own graph and session, so that closing it frees its memory.

    The session's C entry is called as TensorFlow Serving's C++ does: it checks types
    and leaves shapes to the operations, and its errors have the same words.
    """

    def __init__(self, session: Any, meta_graph: Any) -> None:
        """Takes a session whose graph is finished, and its MetaGraphDef."""
        self.signatures = _signatures(meta_graph)
        session._extend_graph()
        self._session = session
        self._feeds: dict[str, dict[str, Any]] = {}
        self._fetches: dict[str, dict[str, Any]] = {}
        self._inline: dict[str, InlinePolicy] = {}
        for name, signature in self.signatures.items():
            self._feeds[name] = _tensors(session.graph, signature.inputs)
            self._fetches[name] = _tensors(session.graph, signature.outputs)
            outputs = [info.name for info in signature.outputs.values()]
            bounded = is_bounded(meta_graph.graph_def, outputs)
            self._inline[name] = InlinePolicy(is_bounded=bounded)

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        """Returns the named outputs.

        Raises:
            StatusError: with TensorFlow's code and words.
        """
        feed = self._feed(signature_name, inputs)
        fetches = self._fetches[signature_name]
        fetch = [fetches[alias] for alias in outputs]
        found = self._call(feed, fetch, timeout_s, self._inline[signature_name])
        return {alias: _array(v) for alias, v in zip(outputs, found, strict=True)}

    def run_many(
        self, calls: Sequence[Call], timeout_s: float | None
    ) -> list[dict[str, np.ndarray]]:
        """Returns the outputs of every call, from one run of the session.

        What the signatures have in common is computed once, if they read one tensor.

        Raises:
            StatusError: with TensorFlow's code and words.
        """
        feed: dict[Any, np.ndarray] = {}
        fetch: list[Any] = []
        for call in calls:
            feed |= self._feed(call.signature_name, call.inputs)
            fetches = self._fetches[call.signature_name]
            fetch += [fetches[alias] for alias in call.outputs]
        # No policy of its own: the sum of several signatures is rarely short.
        found = iter(self._call(feed, fetch, timeout_s, InlinePolicy(is_bounded=False)))
        return [
            {alias: _array(next(found)) for alias in call.outputs} for call in calls
        ]

    def close(self) -> None:
        """Frees the session, its variables and the graph. Nothing runs any more."""
        self._session.close()
        del self._session
        self._feeds.clear()
        self._fetches.clear()
        # Operations and graph refer to each other.
        gc.collect()

    def _feed(
        self, signature_name: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[Any, np.ndarray]:
        feeds = self._feeds[signature_name]
        try:
            return {feeds[alias]: value for alias, value in inputs.items()}
        except KeyError as error:
            raise invalid_argument(
                f"Input {error} of signature {signature_name} is not a dense tensor."
            ) from None

    def _call(
        self, feed: Any, fetch: list[Any], timeout_s: float | None, policy: InlinePolicy
    ) -> Any:
        options = options_buffer(timeout_s, inline=policy.is_inline)
        start = time.perf_counter()
        try:
            return self._session._call_tf_sessionrun(options, feed, fetch, [], None)
        except Exception as error:  # noqa: BLE001  OpError; TypeError of its binding
            raise _run_error(error) from None
        finally:
            policy.record(time.perf_counter() - start)


def load(path: str, tags: Sequence[str], config: Any) -> SavedModelServable:
    """Loads the servable of a SavedModel directory.

    It is loaded at the priority of requests: a niced thread that holds Python's lock
    while other processes have the cores stalls requests, for over a second when tried.

    Args:
        path: a version directory.
        tags: of the MetaGraphDef to load.
        config: a ConfigProto for the session.

    Raises:
        Exception: whatever TensorFlow raises for a damaged or missing model.
    """
    tf = tensorflow()
    from tensorflow.python.saved_model import loader_impl

    session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
    try:
        loader = loader_impl.SavedModelLoader(path)
        with session.graph.as_default():
            saver, _ = loader.load_graph(session.graph, list(tags))
            loader.restore_variables(session, saver)
            loader.run_init_ops(session, list(tags))
        return SavedModelServable(session, loader.get_meta_graph_def_from_tags(tags))
    except BaseException:
        session.close()
        raise


def _signatures(meta_graph: Any) -> dict[str, Any]:
    """Returns SignatureDefs as our own messages, by name."""
    return {
        name: protos.SignatureDef.FromString(signature.SerializeToString())
        for name, signature in meta_graph.signature_def.items()
    }


def _tensors(graph: Any, infos: Mapping[str, Any]) -> dict[str, Any]:
    # Sparse and composite inputs have no single name and cannot be fed by it.
    return {
        alias: graph.get_tensor_by_name(info.name)._as_tf_output()
        for alias, info in sorted(infos.items())
        if ":" in info.name
    }


def _run_error(error: Exception) -> StatusError:
    status = from_exception(error)
    if status.code is Code.INTERNAL and isinstance(error, TypeError | ValueError):
        return StatusError(Code.INVALID_ARGUMENT, str(error))
    return status


def _array(value: Any) -> np.ndarray:
    # A scalar string comes as bytes.
    return np.array(value, dtype=object) if isinstance(value, bytes) else value
