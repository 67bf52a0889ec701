"""Finds a TFLite runtime: ai-edge-litert, else tflite-runtime."""

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from .errors import RuntimeMissingError

TFLITE_RUNTIME = "tflite_runtime"
LITERT = "ai_edge_litert"


def find_runtime() -> str:
    """Names the installed package to take the interpreter from.

    Raises:
        RuntimeMissingError: see `choose_runtime`.
    """
    packages = (TFLITE_RUNTIME, LITERT)
    installed = {package for package in packages if importlib.util.find_spec(package)}
    return choose_runtime(installed, numpy_version=np.__version__)


def choose_runtime(installed: Collection[str], *, numpy_version: str) -> str:
    """Prefers LiteRT: 4 times as fast with float32 weights, 12 times with int8.

    Raises:
        RuntimeMissingError: neither is installed, or tflite-runtime beside numpy 2,
            where it stops the process at the first interpreter.
    """
    if LITERT in installed:
        return LITERT
    if TFLITE_RUNTIME in installed:
        if int(numpy_version.split(".")[0]) < 2:
            return TFLITE_RUNTIME
        raise RuntimeMissingError(
            f"tflite-runtime needs numpy below 2, here is {numpy_version}. Install "
            "'numpy<2', or ai-edge-litert instead."
        )
    raise RuntimeMissingError(
        "No TFLite runtime is installed. Install one: ai-edge-litert, or below Python "
        "3.12 tflite-runtime with 'numpy<2'. The distribution ktp-edge brings it, and "
        "so does keras-transformer-pipeline[edge]."
    )


def make_interpreter(package: str, **arguments: Any) -> Any:
    """Makes a `package.interpreter.Interpreter`, also in a process with TensorFlow."""
    with _own_symbols_first():
        module = importlib.import_module(f"{package}.interpreter")
    return module.Interpreter(**arguments)


@contextlib.contextmanager
def _own_symbols_first() -> Iterator[None]:
    """Lets a library find its own functions before TensorFlow's of the same name.

    TensorFlow publishes its symbols to the process. tflite-runtime, imported after it,
    would call those, which were built from another version, and fail in its first
    `vector::reserve`.
    """
    flags = sys.getdlopenflags()
    if "tensorflow" in sys.modules:
        sys.setdlopenflags(flags | getattr(os, "RTLD_DEEPBIND", 0))
    try:
        yield
    finally:
        sys.setdlopenflags(flags)
