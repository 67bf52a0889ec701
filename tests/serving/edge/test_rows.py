"""What callers give a device's classifier as rows: lists and what is none."""

import pathlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.edge import EdgeClassifier, EdgeError, TextError

TEXTS = ["Where is my card?", "no cash", ""]
SECRET = "the patient is ill"


@pytest.fixture(scope="module")
def classifier(model_path: pathlib.Path) -> EdgeClassifier:
    return EdgeClassifier(model_path)


COLLECTIONS: dict[str, Callable[[], Any]] = {
    "tuple": lambda: tuple(TEXTS),
    "generator": lambda: (text for text in TEXTS),
    "map": lambda: map(str, TEXTS),
    "array": lambda: np.array(TEXTS),
    "series": lambda: pd.Series(TEXTS, index=[7, 8, 9]),
    "values": lambda: dict(enumerate(TEXTS)).values(),
}


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_every_collection_is_scored_row_by_row_as_a_list(
    classifier: EdgeClassifier, kind: str
) -> None:
    assert classifier.classify(COLLECTIONS[kind]()) == classifier.classify(TEXTS)
    scores = classifier.scores(COLLECTIONS[kind]())
    np.testing.assert_array_equal(scores, classifier.scores(TEXTS))


def test_an_open_file_is_scored_line_by_line(
    classifier: EdgeClassifier, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("Where is my card?\nno cash\n")
    with path.open() as file:
        assert classifier.classify(file) == classifier.classify(TEXTS[:2])


@pytest.mark.parametrize("nothing", [[], (), iter(()), np.array([], dtype="U1")])
def test_nothing_gives_nothing(classifier: EdgeClassifier, nothing: Any) -> None:
    assert classifier.classify(nothing) == []


async def arriving() -> AsyncIterator[str]:
    yield "a text"


@pytest.mark.parametrize(
    "texts, what",
    [
        ("a text", "a single str"),
        (b"a text", "a single bytes"),
        ({"a": "text"}, "a dict"),
        (None, "a NoneType"),
        (7, "a int"),
        (np.array([["a"], ["b"]]), "a ndarray of 2 dimensions"),
        (pd.DataFrame({"text": TEXTS}), "a DataFrame of 2 dimensions"),
        (arriving(), "the asynchronous async_generator"),
    ],
)
def test_what_is_no_collection_of_texts_is_refused(
    classifier: EdgeClassifier, texts: Any, what: str
) -> None:
    wanted = re.escape(f"list of str, or another iterable of them; got {what}. ")
    for method in (classifier.classify, classifier.scores):
        with pytest.raises(TypeError, match=wanted) as caught:
            method(texts)
        assert "a text" not in str(caught.value)


@pytest.mark.parametrize(
    "row, kind, advice",
    [
        (b"bytes", "bytes", r"text\.decode\('utf-8'\)"),
        (None, "NoneType", "Leave the row out"),
        (float("nan"), "float", "Leave the row out"),
        (5, "int", "Convert it"),
        ([SECRET], "list", "Convert it"),
    ],
)
def test_a_wrong_row_is_named_by_index_and_type_and_no_text_is_repeated(
    classifier: EdgeClassifier, row: Any, kind: str, advice: str
) -> None:
    wanted = rf"texts\[1\] is of type {kind}; .*{advice}"
    for given in ([SECRET, row, SECRET], iter([SECRET, row])):
        with pytest.raises(TypeError, match=wanted) as caught:
            classifier.classify(given)
        assert SECRET not in str(caught.value)


def test_a_lone_surrogate_is_named_by_index_and_position_only(
    classifier: EdgeClassifier,
) -> None:
    wanted = r"texts\[1\]: its character 18 .*U\+DCE9"
    with pytest.raises(TextError, match=wanted) as caught:
        classifier.classify(["fine", f"{SECRET}\udce9"])
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__
    assert isinstance(caught.value, EdgeError)
    assert isinstance(caught.value, ValueError)


def test_token_ids_may_come_as_any_collection(classifier: EdgeClassifier) -> None:
    rows = [[2, 7, 3], [2, 3], []]
    expected = classifier.score_token_ids(rows)
    for given in (iter(rows), tuple(map(tuple, rows)), map(np.array, rows[:2])):
        found = classifier.score_token_ids(given)
        np.testing.assert_array_equal(found, expected[: len(found)])


@pytest.mark.parametrize(
    "rows, error, message",
    [
        ([[2, 3], [2, -1, 3]], ValueError, r"token_ids\[1\] has ids from -1 to 3"),
        ([[2, 1 << 20]], ValueError, r"token_ids\[0\] .* go from 0 to \d+"),
        ([[2, 3], [2.5]], TypeError, r"token_ids\[1\] must be a list of int"),
        ([2, 7, 3], TypeError, r"token_ids\[0\] must be a list of int; got int"),
        ([["2", "3"]], TypeError, r"token_ids\[0\] must be a list of int"),
        ("2 7 3", TypeError, "token_ids must be a list of list of int"),
    ],
)
def test_what_are_no_token_ids_is_refused(
    classifier: EdgeClassifier, rows: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        classifier.score_token_ids(rows)
