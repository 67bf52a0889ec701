"""One classifier in many threads, in a forked process, pickled, closed."""

import concurrent.futures
import copy
import pathlib
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from serving.edge import ClosedError, EdgeClassifier, EdgeError
from tests.support import nasty_texts

TEXTS = [text for text in nasty_texts.LANGUAGES if text] * 3


def test_eight_threads_on_one_classifier_get_the_scores_of_one(
    model_path: pathlib.Path,
) -> None:
    classifier = EdgeClassifier(model_path)
    expected = classifier.scores(TEXTS)
    start = threading.Barrier(8)

    def ask(_: int) -> list[np.ndarray]:
        start.wait()
        return [classifier.scores(TEXTS) for _ in range(5)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for found in pool.map(ask, range(8)):
            for scores in found:
                np.testing.assert_array_equal(scores, expected)


FORK = """
import os, signal, sys
from serving.edge import EdgeClassifier
classifier = EdgeClassifier(sys.argv[1], num_threads=int(sys.argv[2]))
expected = classifier.classify(["Where is my card?"])
if sys.argv[3] == "changed":
    os.utime(sys.argv[1], (1, 1))
child = os.fork()
if not child:
    signal.alarm(30)
    if sys.argv[3] == "used":
        assert classifier.classify(["Where is my card?"]) == expected
    if sys.argv[3] == "changed":
        try:
            classifier.classify(["Where is my card?"])
        except Exception as error:
            assert "has changed since the parent" in str(error), error
        else:
            raise AssertionError("a changed file was opened")
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert classifier.classify(["Where is my card?"]) == expected
sys.exit(status)
"""


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("what", ["used", "left alone", "changed"])
def test_a_forked_process_asks_and_ends_as_its_parent(
    tmp_path: pathlib.Path, model_path: pathlib.Path, what: str, threads: int
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model_path.read_bytes())
    command = [sys.executable, "-c", FORK, str(path), str(threads), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_copy_and_what_was_pickled_say_the_same(
    model_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.chdir(model_path.parent)
    classifier = EdgeClassifier(model_path.name)
    expected = classifier.classify(TEXTS)
    data = pickle.dumps(classifier)
    monkeypatch.chdir(tmp_path)  # the receiver works somewhere else
    assert pickle.loads(data).classify(TEXTS) == expected
    assert copy.deepcopy(classifier).classify(TEXTS) == expected


def test_a_closed_classifier_says_so(model_path: pathlib.Path) -> None:
    with EdgeClassifier(model_path) as classifier:
        assert classifier.classify(["a"])
    with pytest.raises(ClosedError, match=r"model.tflite was closed; make a new one"):
        classifier.classify(["a"])
    assert classifier.classify([]) == []
    classifier.close()
    assert issubclass(ClosedError, EdgeError)


def test_closing_waits_for_the_rows_that_are_being_scored(
    model_path: pathlib.Path,
) -> None:
    classifier = EdgeClassifier(model_path)
    expected = classifier.scores(TEXTS)
    asked = threading.Event()

    def ask() -> str:
        try:
            while True:
                np.testing.assert_array_equal(classifier.scores(TEXTS), expected)
                asked.set()
        except ClosedError:
            return "closed"

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask) for _ in range(4)]
        assert asked.wait(60)
        classifier.close()
        assert [one.result(60) for one in waiting] == ["closed"] * 4
