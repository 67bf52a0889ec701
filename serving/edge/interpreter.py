"""A model file in a TFLite runtime, safe for threads and for processes that fork.

A runtime's interpreter has one set of buffers: two threads inside it at once mix their
rows, and free memory twice. A lock lets one in at a time. The threads that it starts
itself, with `num_threads` above 1, are missing in a forked process, where using or
freeing it would wait for them for ever: such a process makes one anew, of the bytes
that it has.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from typing import Any

import numpy as np

from . import contract, runtime
from .errors import ClosedError, ModelFileError


class Interpreter:
    """The signatures of a model, by the number of tokens they take.

    `content` is all of it; `path` is what messages call it.

    Attributes:
        lengths: those numbers, ascending.

    Raises:
        ModelFileError: the runtime cannot load the file, or it is not one of ours.
    """

    def __init__(
        self,
        package: str,
        path: str,
        content: bytes,
        *,
        num_threads: int,
        num_classes: int,
    ) -> None:
        self._package, self._path = package, os.path.abspath(path)
        self._content = content
        self._num_threads, self._num_classes = num_threads, num_classes
        self._loaded: _Loaded | None = self._load()
        self._is_closed = False
        self.lengths = tuple(self._loaded.runners)
        _watch_forks().add(self)

    def scores(self, token_ids: np.ndarray) -> np.ndarray:
        """Runs the signature of the row's length: int32 `[1, T]` -> float32 `[C]`.

        Raises:
            ClosedError: `close` was called.
        """
        loaded = self._loaded or self._load_again()
        with loaded.lock:
            if self._is_closed:
                raise _closed(self._path)
            answer = loaded.runners[token_ids.shape[1]](
                **{contract.TOKEN_IDS: token_ids}
            )
            # The runtime writes the next answer into the same memory.
            return answer[contract.SCORES][0].copy()

    def close(self) -> None:
        """Frees the model when the row that is being scored is done."""
        self._is_closed = True
        loaded = self._loaded
        if loaded is not None:
            with loaded.lock:
                self._loaded = None
                loaded.runners.clear()
        self._content = b""

    def forget(self) -> None:
        """In a process just forked: leaves the parent's model alone for good."""
        import ctypes

        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            # Its destructor would wait for threads that are not here.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(loaded))

    def _load(self) -> _Loaded:
        try:
            interpreter = runtime.make_interpreter(
                self._package,
                model_content=self._content,
                num_threads=self._num_threads,
            )
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"{self._path}: {self._package} cannot load this model: {error}"
            ) from error
        return _Loaded(interpreter, self._path, self._num_classes)

    def _load_again(self) -> _Loaded:
        if self._is_closed:
            raise _closed(self._path)
        loaded = self._load()
        # Two threads may both come here: each keeps what it opened, with its lock.
        self._loaded = loaded
        return loaded


class _Loaded:
    """An interpreter, its signatures, and who may use them now."""

    def __init__(self, interpreter: Any, path: str, num_classes: int) -> None:
        self.lock = threading.Lock()
        self.interpreter = interpreter
        self.runners = _runners(interpreter, path, num_classes)


@functools.cache
def _watch_forks() -> weakref.WeakSet[Interpreter]:
    """The interpreters of this process; begins to tell them of forks."""
    living: weakref.WeakSet[Interpreter] = weakref.WeakSet()

    def forget_all() -> None:
        for interpreter in list(living):
            interpreter.forget()

    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=forget_all)
    return living


def _closed(path: str) -> ClosedError:
    return ClosedError(f"The classifier of {path} was closed; make a new one.")


def _runners(interpreter: Any, path: str, num_classes: int) -> dict[int, Any]:
    """The signatures by the number of tokens they take, ascending.

    Which signature takes how many is read from their shapes, not from their names.
    """
    runners: dict[int, Any] = {}
    expected = {"inputs": [contract.TOKEN_IDS], "outputs": [contract.SCORES]}
    for key, names in interpreter.get_signature_list().items():
        if names != expected:
            continue
        runner = interpreter.get_signature_runner(key)
        columns = runner.get_output_details()[contract.SCORES]["shape"][-1]
        if columns != num_classes:
            raise ModelFileError(
                f"{path}: {num_classes} labels for {columns} scores; the labels belong "
                "to another model."
            )
        shape = runner.get_input_details()[contract.TOKEN_IDS]["shape"]
        runners[int(shape[-1])] = runner
    if not runners:
        raise ModelFileError(
            f"{path} has no signature from {contract.TOKEN_IDS} to {contract.SCORES}; "
            "it is not one that `ktp run` made."
        )
    return dict(sorted(runners.items()))
