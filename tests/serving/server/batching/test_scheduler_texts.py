"""Texts are computed with texts of about their length, for they are padded to it."""

import asyncio

import numpy as np
import pytest

from serving.server.batching import tensors
from tests.support.serving.server.scheduling import Bench, batching_config, rows_of

pytestmark = pytest.mark.anyio


async def test_texts_are_computed_with_those_of_about_their_length() -> None:
    bench = Bench(batching_config(max_batch_size=2))
    await bench.hold()
    texts = [
        b"tiny",
        b"a long text, longer than all",
        b"wee",
        b"a text that is long too",
    ]
    waiting = [bench.ask_text(text) for text in texts]
    await bench.queued()
    bench.servable.gate.set()
    finished = await asyncio.gather(*waiting)
    assert bench.servable.batches[1:] == [[texts[0], texts[2]], [texts[1], texts[3]]]
    assert [rows_of(one) for one in finished] == [[text * 2] for text in texts]


async def test_the_oldest_request_is_never_passed_over() -> None:
    bench = Bench(batching_config(max_batch_size=2))
    await bench.hold()
    odd = bench.ask_text(b"of quite another length than the others")
    await bench.queued()
    waiting = [bench.ask_text(b"short") for _ in range(4)]
    await bench.queued()
    bench.servable.gate.set()
    await asyncio.gather(odd, *waiting)
    assert len(bench.servable.batches[1][0]) > 5


@pytest.mark.parametrize(
    "inputs, expected",
    [
        ({"x": np.array([b"ab", b"abcd"], dtype=object)}, 3),
        ({"x": np.array([[b"ab"], [b""]], dtype=object), "n": np.zeros(2)}, 1),
        ({"n": np.zeros(2)}, None),
        ({"x": np.array([], dtype=object)}, None),
    ],
)
def test_the_length_of_a_request_is_that_of_its_strings(
    inputs: dict[str, np.ndarray], expected: float | None
) -> None:
    assert tensors.text_bytes(inputs) == expected
