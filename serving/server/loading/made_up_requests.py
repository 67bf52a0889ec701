"""Requests made up from a signature, for a model that brings no recorded ones."""

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from serving.client.wire import dtypes
from serving.server.servable import Servable

# Words in a text, and sizes of dimensions that the signature leaves open.
LENGTHS = (1, 16, 64)
LIMIT_S = 10.0

Requests = Iterator[tuple[str, dict[str, np.ndarray]]]


def synthesised(servable: Servable, limit_s: float = LIMIT_S) -> Requests:
    """Yields signature names and inputs: zeros and texts, the smallest batches first.

    Ends early when the limit has passed, for a warm-up is not worth a long wait.
    """
    end_s = time.monotonic() + limit_s
    batching = servable.batching
    allowed = () if batching is None else batching.allowed_batch_sizes
    sizes = sorted({1, *allowed})
    for size, name in itertools.product(sizes, sorted(servable.signatures)):
        if size > 1 and name not in servable.batchable_signatures:
            continue
        for inputs in _variants(servable.signatures[name].inputs, size):
            if time.monotonic() > end_s:
                return
            yield name, inputs


def _variants(
    infos: Mapping[str, Any], batch_size: int
) -> Iterator[dict[str, np.ndarray]]:
    if not all(_can_be_made(info) for info in infos.values()):
        return
    lengths = LENGTHS if any(_has_lengths(info) for info in infos.values()) else (1,)
    for length in lengths:
        made = {a: _array(info, batch_size, length) for a, info in infos.items()}
        if made:
            yield made


def _can_be_made(info: Any) -> bool:
    known = info.dtype in dtypes.by_number() and not info.tensor_shape.unknown_rank
    return known and bool(info.name)


def _has_lengths(info: Any) -> bool:
    inner = info.tensor_shape.dim[1:]
    return dtypes.by_number()[info.dtype].is_string or any(d.size < 0 for d in inner)


def _array(info: Any, batch_size: int, length: int) -> np.ndarray:
    dtype = dtypes.by_number()[info.dtype]
    open_sizes = itertools.chain([batch_size], itertools.repeat(length))
    dims = zip(info.tensor_shape.dim, open_sizes, strict=False)
    shape = [size if dim.size < 0 else dim.size for dim, size in dims]
    text = " ".join(["warm"] * length).encode()
    return np.full(shape, text if dtype.is_string else 0, dtype.numpy)
