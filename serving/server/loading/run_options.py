"""How one session run is made: its time limit, and the thread that computes it."""

import functools
from collections.abc import Collection
from typing import Any

INLINE_LIMIT_S = 0.002
RUNS_BEFORE_INLINE = 16

# Operations whose time depends on the values they are given, not on their shapes.
_UNBOUNDED = {
    *("While", "StatelessWhile", "_While", "For", "Enter", "RefEnter"),
    *("MapDefun", "PyFunc", "PyFuncStateless", "EagerPyFunc", "RemoteCall"),
}


class InlinePolicy:
    """Decides which runs of a signature are computed in the calling thread.

    That saves handing each operation to TensorFlow's own threads: 10 to 60 µs of a run,
    a third of its CPU time. But such a run does not stop at its deadline and computes
    one operation at a time, so only signatures that have just been quick, without loops
    whose length is in the data, are run like that.
    """

    def __init__(self, *, is_bounded: bool) -> None:
        self._is_bounded = is_bounded
        self._quick_runs = 0

    @property
    def is_inline(self) -> bool:
        """True when the next run may be computed in the calling thread."""
        return self._quick_runs >= RUNS_BEFORE_INLINE

    def record(self, run_s: float) -> None:
        """Takes note of how long a run took. Threads may race: no harm is done."""
        if run_s > INLINE_LIMIT_S or not self._is_bounded:
            self._quick_runs = 0
        elif self._quick_runs < RUNS_BEFORE_INLINE:
            self._quick_runs += 1


def options_buffer(timeout_s: float | None, *, inline: bool) -> Any:
    """Makes RunOptions as the session's C entry takes them; None for the defaults.

    The limit is rounded up by 3 % at most, so that there are few different ones, which
    are kept for the life of the process.
    """
    timeout_ms = 0 if timeout_s is None else rounded_up(max(1, int(timeout_s * 1000)))
    return _buffer(timeout_ms, inline)


def rounded_up(value: int) -> int:
    """Returns the next number whose binary digits after the first six are zero."""
    step = 1 << max(value.bit_length() - 6, 0)
    return -(-value // step) * step


@functools.cache
def _buffer(timeout_ms: int, inline: bool) -> Any:
    if not timeout_ms and not inline:
        return None
    import tensorflow as tf
    from tensorflow.python.client import pywrap_tf_session

    options = tf.compat.v1.RunOptions(timeout_in_ms=timeout_ms)
    if inline:
        options.inter_op_thread_pool = -1
    return pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())


def is_bounded(graph_def: Any, outputs: Collection[str]) -> bool:
    """Tells whether a graph has no loop and no foreign code before its outputs.

    Args:
        graph_def: with its library of functions.
        outputs: tensor names.
    """
    # What has been looked at is taken out of these.
    nodes = {node.name: node for node in graph_def.node}
    bodies = {each.signature.name: each.node_def for each in graph_def.library.function}
    pending = [_node_name(output) for output in outputs]
    called: list[str] = []
    while pending:
        node = nodes.pop(pending.pop(), None)
        if node is None:
            continue
        if node.op in _UNBOUNDED:
            return False
        called += _functions_of(node)
        pending += [_node_name(source) for source in node.input]
    while called:
        for node in bodies.pop(called.pop(), ()):
            if node.op in _UNBOUNDED:
                return False
            called += _functions_of(node)
    return True


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _functions_of(node: Any) -> list[str]:
    values = node.attr.values()
    named = [value.func.name for value in values if value.HasField("func")]
    listed = [f.name for v in values if v.HasField("list") for f in v.list.func]
    return [node.op, *named, *listed]
