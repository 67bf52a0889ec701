"""Ragged `instances` made regular, for a request that asks for it.

TF Serving pads between requests, never inside one. `"pad_ragged": true` in the body of
a predict request asks for it here; TF Serving ignores the key.
"""

import itertools
import math
from typing import Any

from serving.client.wire import dtypes
from serving.server.json_format.exact_parser import Json
from serving.server.status import invalid_argument

PAD_RAGGED = "pad_ragged"
HINT = (
    '. All instances must have one shape: pad them, or add "pad_ragged": true to the '
    "request to have zeros or empty strings put at their end."
)
MAX_LEVELS = 32
MAX_VALUES = 2**26
"""A small body may ask for a huge tensor: one long row among many empty ones."""


def pad_ragged(instances: list[Json], dtype_number: int) -> list[Json]:
    """Returns the same rows, each list as long as the longest of its level.

    What is not a list where others are is left alone: padding does not mend that.

    Args:
        instances: one row each.
        dtype_number: text is padded with empty strings, the rest with zeros.

    Raises:
        StatusError: more values than `MAX_VALUES` would come of it.
    """
    shape = _longest(instances)
    if len(shape) > MAX_LEVELS:
        return instances
    # An empty level counts as one: the lists around nothing take room too.
    size = math.prod(max(1, length) for length in shape)
    if size > MAX_VALUES:
        raise invalid_argument(
            f"Padding 'instances' to [{','.join(map(str, shape))}] would make "
            f"{size} values; at most {MAX_VALUES} are allowed."
        )
    name = dtypes.name_of(dtype_number)
    fillers: dict[str, Json] = {"string": "", "bool": False}
    filler = fillers.get(name, 0)
    return list(_padded(instances, shape, filler))


def _longest(instances: list[Json]) -> tuple[int, ...]:
    """Returns the greatest length at every level that holds lists only."""
    shape: list[int] = []
    level: list[Any] = [instances]
    while level and all(isinstance(item, list) for item in level):
        shape.append(max(map(len, level)))
        level = list(itertools.chain.from_iterable(level))
    return tuple(shape)


def _padded(items: list[Json], shape: tuple[int, ...], filler: Json) -> list[Json]:
    missing = shape[0] - len(items)
    if len(shape) == 1:
        return items + [filler] * missing
    whole: list[Any] = [*items, *([[]] * missing)]
    return [_padded(item, shape[1:], filler) for item in whole]
