"""What callers give as rows: lists and what is none, over every way to ask."""

import asyncio
import pathlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.client import AsyncClient, Client, CodecError
from tests.support.serving.clients import CLIENTS, connected, like
from tests.support.serving.fakes import FakeServer

TEXTS = ["a", "bb", "cccc"]
SECRET = "the patient is ill"


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, fake_server: FakeServer) -> Iterator[Any]:
    with connected(request.param, fake_server) as one:
        yield one


def lengths(predictions: list[Any]) -> list[int]:
    """The fake model's second score says how long a text is."""
    return [round(one.scores[1] * 100) for one in predictions]


COLLECTIONS: dict[str, Callable[[], Any]] = {
    "tuple": lambda: tuple(TEXTS),
    "generator": lambda: (text for text in TEXTS),
    "map": lambda: map(str, TEXTS),
    "filter": lambda: filter(None, TEXTS),
    "zip": lambda: iter(TEXTS),
    "array": lambda: np.array(TEXTS),
    "object array": lambda: np.array(TEXTS, object),
    "series": lambda: pd.Series(TEXTS, index=[7, 8, 9]),
    "string series": lambda: pd.Series(TEXTS, dtype="string"),
    "index": lambda: pd.Index(TEXTS),
    "values": lambda: dict(enumerate(TEXTS)).values(),
    "keys": lambda: dict.fromkeys(TEXTS).keys(),
}


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_every_collection_is_asked_row_by_row_as_a_list(client: Any, kind: str) -> None:
    assert lengths(client.classify(COLLECTIONS[kind]())) == [1, 2, 4]
    with like(client, max_rows_per_request=2) as in_parts:
        assert lengths(in_parts.classify(COLLECTIONS[kind]())) == [1, 2, 4]
        assert lengths(list(in_parts.classify_iter(COLLECTIONS[kind]()))) == [1, 2, 4]


def test_a_set_is_asked_in_its_own_order(client: Any) -> None:
    texts = set(TEXTS)
    assert lengths(client.classify(texts)) == [len(text) for text in texts]


def test_an_open_file_is_asked_line_by_line(
    client: Any, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("a\nbb\n")
    with path.open() as file:
        assert len(client.classify(file)) == 2


SINGLE = [
    ("a text", "a single str"),
    (b"a text", "a single bytes"),
    ({"a": "text"}, "a dict"),
    (None, "a NoneType"),
    (7, "a int"),
    (np.array("a text"), "a ndarray of 0 dimensions"),
    (np.array([["a"], ["b"]]), "a ndarray of 2 dimensions"),
    (pd.DataFrame({"text": TEXTS}), "a DataFrame of 2 dimensions"),
]


@pytest.mark.parametrize("texts, what", SINGLE)
def test_what_is_no_collection_of_texts_is_refused(
    client: Any, texts: object, what: str
) -> None:
    wanted = re.escape(f"list of str, or another iterable of them; got {what}. ")
    for method in (client.classify, lambda t: list(client.classify_iter(t))):
        with pytest.raises(TypeError, match=wanted) as caught:
            method(texts)
        assert "a text" not in str(caught.value)


WRONG_ROWS = [
    (b"bytes", "bytes", r"text\.decode\('utf-8'\)"),
    (None, "NoneType", "Leave the row out"),
    (float("nan"), "float", "Leave the row out"),
    (5, "int", "Convert it"),
    (["nested"], "list", "Convert it"),
    (pd.NA, "NAType", "Leave the row out"),
]


@pytest.mark.parametrize("row, kind, advice", WRONG_ROWS)
def test_a_wrong_row_is_named_by_index_and_type_and_no_text_is_repeated(
    client: Any, row: object, kind: str, advice: str
) -> None:
    texts = [SECRET, SECRET, row, SECRET]
    wanted = rf"texts\[2\] is of type {kind}; .*{advice}"
    for given in (texts, iter(texts), pd.Series(texts, dtype=object)):
        with pytest.raises(TypeError, match=wanted) as caught:
            client.classify(given)
        assert SECRET not in str(caught.value)


def test_a_wrong_row_of_a_later_part_has_its_own_index(client: Any) -> None:
    with like(client, max_rows_per_request=2) as in_parts:
        for method in (in_parts.classify, lambda t: list(in_parts.classify_iter(t))):
            with pytest.raises(TypeError, match=r"texts\[5\] is of type int"):
                method([*"abcde", 6])


def test_a_lone_surrogate_is_named_by_index_and_position_only(client: Any) -> None:
    texts = ["fine", f"{SECRET}\udce9"]
    for method in (client.classify, lambda t: list(client.classify_iter(t))):
        wanted = r"texts\[1\] .* character 18 .*U\+DCE9"
        with pytest.raises(CodecError, match=wanted) as caught:
            method(texts)
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_halves_of_a_pair_in_two_texts_are_lone(client: Any) -> None:
    with pytest.raises(CodecError, match=r"texts\[0\] .* character 1 "):
        client.classify(["a\ud83d", "\ude00b"])


def test_a_lone_surrogate_in_an_input_is_named_by_item(client: Any) -> None:
    with pytest.raises(CodecError, match=r"character 0 .*U\+D800") as caught:
        client.predict({"raw": ["a", f"\ud800{SECRET}"]}, "echo")
    assert SECRET not in str(caught.value)


def test_predict_reads_what_can_be_read_once(client: Any) -> None:
    for values in (
        (np.float32(v) for v in (1, 3)),
        map(np.float32, (1, 3)),
        dict.fromkeys([np.float32(1), np.float32(3)]).keys(),
    ):
        outputs = client.predict({"x": values}, "half")
        np.testing.assert_array_equal(outputs["y"], np.float32([0.5, 1.5]))


def test_predict_s_inputs_have_names(client: Any) -> None:
    with pytest.raises(TypeError, match="inputs must map names to arrays; got a list"):
        client.predict([1.0, 2.0], "half")


EXAMPLES = [{"text": "a"}, {"text": "bb"}]


METHODS = {"classify": "classify_examples", "regress": "regress"}


@pytest.mark.parametrize("signature", METHODS)
def test_examples_may_come_as_any_collection(client: Any, signature: str) -> None:
    ask = getattr(client, METHODS[signature])
    expected = ask(EXAMPLES, signature)
    assert len(expected) == 2
    assert ask(iter(EXAMPLES), signature) == ask(tuple(EXAMPLES), signature) == expected
    with like(client, max_rows_per_request=1) as in_parts:
        ask = getattr(in_parts, METHODS[signature])
        assert ask(map(dict, EXAMPLES), signature) == expected


def test_several_signatures_read_a_generator_once(client: Any) -> None:
    if client.config.transport == "grpc":
        tasks = {"classify": "classify", "regress": "regress"}
        expected = client.multi_inference(tasks, EXAMPLES)
        assert client.multi_inference(tasks, iter(EXAMPLES)) == expected


@pytest.mark.parametrize("method", METHODS.values())
@pytest.mark.parametrize("examples", [{"text": SECRET}, SECRET, b"bytes", None])
def test_a_single_example_is_refused(
    client: Any, method: str, examples: object
) -> None:
    wanted = "examples must be a list of tf.Example"
    with pytest.raises(TypeError, match=wanted) as caught:
        getattr(client, method)(examples)
    assert SECRET not in str(caught.value)


def test_a_wrong_example_is_named_by_index_and_type(client: Any) -> None:
    with pytest.raises(TypeError, match=r"examples\[1\] is of type str") as caught:
        client.classify_examples([{"text": "a"}, SECRET])
    assert SECRET not in str(caught.value)


async def arriving() -> AsyncIterator[str]:
    for text in TEXTS:
        yield text


def test_the_asyncio_client_takes_what_arrives(fake_server: FakeServer) -> None:
    async def ask() -> list[int]:
        async with AsyncClient(fake_server.grpc_endpoint) as client:
            return lengths(await client.classify(arriving()))

    assert asyncio.run(ask()) == [1, 2, 4]


def test_the_waiting_client_says_who_takes_what_arrives(
    fake_server: FakeServer,
) -> None:
    with Client(fake_server.grpc_endpoint) as client:
        for method in (client.classify, lambda t: list(client.classify_iter(t))):
            with pytest.raises(TypeError, match="async_generator. Use AsyncClient"):
                method(arriving())


@pytest.mark.parametrize("row", [b"\0ab\0", b"\0", b"png\0\0\0"])
def test_bytes_that_end_in_zeros_go_and_come_whole(client: Any, row: bytes) -> None:
    assert client.predict({"raw": [row]}, "echo")["raw_bytes"].tolist() == [row]


def test_an_item_of_a_later_part_has_its_index_in_the_caller_s_list(
    client: Any,
) -> None:
    rows = ["a"] * 5 + [SECRET + "\ud800"]
    with (
        like(client, max_rows_per_request=2) as in_parts,
        pytest.raises(CodecError, match=r"inputs\['raw'\], item 5 cannot be sent"),
    ):
        in_parts.predict({"raw": rows}, "echo", rows_are_independent=True)


def test_an_example_of_a_later_part_is_named_before_anything_is_sent(
    client: Any,
) -> None:
    examples = [{"x": 1.0}] * 5 + [{"x": [1, SECRET]}]
    with like(client, max_rows_per_request=2) as in_parts:
        in_parts.close()
        with pytest.raises(CodecError, match=r"examples\[5\]: Feature 'x' holds int"):
            in_parts.regress(examples, "regress")


SURROGATE = f"{SECRET}\ud800"
NAMES: dict[str, Callable[[Any], Any]] = {
    "input": lambda client: client.predict({SURROGATE: [1]}),
    "signature": lambda client: client.predict({"x": [1]}, SURROGATE),
    "output": lambda client: client.predict({"x": [1]}, output_filter=[SURROGATE]),
    "signature of examples": lambda client: client.regress([{"x": 1}], SURROGATE),
    "feature": lambda client: client.regress([{SURROGATE: 1}]),
    "feature of the context": lambda client: client.regress(
        [{"x": 1}], context={SURROGATE: 1}
    ),
    "task": lambda client: client.multi_inference({SURROGATE: "regress"}, [{"x": 1}]),
}


@pytest.mark.parametrize("what", NAMES)
def test_a_name_with_a_lone_surrogate_is_refused_alike_everywhere(
    client: Any, what: str
) -> None:
    with pytest.raises(CodecError, match=r"lone surrogate U\+D800") as caught:
        NAMES[what](client)
    assert SECRET not in str(caught.value)


def test_names_are_str(client: Any) -> None:
    with pytest.raises(TypeError, match="name of an input is of type int"):
        client.predict({1: [1]})
    with pytest.raises(TypeError, match="output_filter must be a list of names"):
        client.predict({"x": [1]}, output_filter="y")


def test_a_source_that_fails_does_so_after_the_answers_to_what_it_gave(
    client: Any,
) -> None:
    def source() -> Iterator[str]:
        yield from TEXTS * 3
        raise RuntimeError("the disk is gone")

    async def collect_async(in_parts: Any) -> None:
        async with AsyncClient.from_config(in_parts.config) as asking:
            async for one in asking.classify_iter(source()):
                found.append(one)

    def collect(in_parts: Any) -> None:
        if not isinstance(in_parts, Client):
            asyncio.run(collect_async(in_parts))
            return
        for one in in_parts.classify_iter(source()):
            found.append(one)

    found: list[Any] = []
    with (
        like(client, max_rows_per_request=2, max_parallel_requests=4) as in_parts,
        pytest.raises(RuntimeError, match="the disk is gone"),
    ):
        collect(in_parts)
    assert lengths(found) == [1, 2, 4] * 3
