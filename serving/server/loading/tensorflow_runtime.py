"""TensorFlow in a server process: imported once, late, invisible to the collector."""

import functools
import gc
from typing import Any


@functools.cache
def tensorflow() -> Any:
    """The package, with the operations of our SavedModels registered.

    Its half a million objects live as long as the process. They are taken out of
    garbage collections, which would hold up every request for 0.2 s each time.
    """
    import tensorflow
    import tensorflow_text  # noqa: F401

    gc.collect()
    gc.freeze()
    return tensorflow
