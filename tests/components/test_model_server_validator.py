"""What a server may answer without its model being refused."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from components import model_server_validator as validator
from components.artifacts import write_json
from components.model_server_validator import Verdict, compare, sample, validate
from serving.client.errors import ServingError
from serving.client.prediction import Prediction
from serving.launch.running_server import ServerStartError
from tests.support.labelled_rows import LABELS, SCORES, scored_rows


def answers(scores: np.ndarray) -> list[Prediction]:
    """The two best labels of each row, as a server gives them."""
    given = []
    for row in scores:
        order = np.argsort(-row)[:2]
        labels = tuple(LABELS[i] for i in order)
        values = tuple(float(row[i]) for i in order)
        given.append(Prediction(labels[0], values[0], labels, values))
    return given


def test_equal_answers_are_blessed() -> None:
    verdict = compare(
        answers(SCORES) * 2, scored_rows(), tolerance=1e-3, engine="embedded"
    )
    assert verdict.blessed
    assert verdict.rows == 4
    assert verdict.engine == "embedded"
    assert verdict.reason == ""
    assert verdict.max_score_difference == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("wrong_round", [0, 1])
def test_one_score_off_in_one_transport_refuses(wrong_round: int) -> None:
    wrong = SCORES.copy()
    wrong[2] = [0.2, 0.32, 0.48]
    rounds = [SCORES, SCORES]
    rounds[wrong_round] = wrong
    verdict = compare(
        answers(rounds[0]) + answers(rounds[1]),
        scored_rows(),
        tolerance=1e-3,
        engine="x",
    )
    assert not verdict.blessed
    assert verdict.max_score_difference == pytest.approx(0.02, abs=1e-4)
    assert "allowed 0.001" in verdict.reason


def test_a_wrong_label_refuses_though_scores_are_close() -> None:
    swapped = SCORES.copy()
    swapped[0] = [0.2, 0.7, 0.1]
    given = answers(SCORES) + answers(swapped)
    verdict = compare(given, scored_rows(), tolerance=0.6, engine="x")
    assert verdict.wrong_labels == 0  # Within a tolerance as wide as this.
    verdict = compare(given, scored_rows(), tolerance=0.4, engine="x")
    assert (verdict.wrong_labels, verdict.blessed) == (1, False)


def test_a_missing_answer_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare(answers(SCORES), scored_rows(), tolerance=1e-3, engine="x")


def test_a_sample_is_spread_over_all_rows() -> None:
    picked = sample(scored_rows(), 2)
    assert picked.texts == ["one", "four"]
    assert picked.true_labels == ["a", "b"]
    np.testing.assert_array_equal(picked.scores, SCORES[[0, 3]])


def test_a_sample_is_never_larger_than_what_there_is() -> None:
    assert sample(scored_rows(), 99).texts == scored_rows().texts


class FakeServer:
    """Stands for a running server: remembers what it was given to serve."""

    engine = "fake"
    grpc_endpoint, rest_endpoint = "grpc:1", "rest:1"

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.folders: list[Path] = []
        self.served: list[str] = []
        self.scores = {"grpc": SCORES, "rest": SCORES}

    @contextlib.contextmanager
    def start(self, folder: Path, **_: object) -> Iterator["FakeServer"]:
        self.folders.append(folder)
        self.served = [
            p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()
        ]
        if self.failure is not None:
            raise self.failure
        yield self

    def wait_until_ready(self, timeout_s: float) -> None:
        assert timeout_s > 0

    @contextlib.contextmanager
    def client(self, endpoint: str, *, transport: str) -> Iterator["FakeClient"]:
        assert endpoint == {"grpc": "grpc:1", "rest": "rest:1"}[transport]
        yield FakeClient(self.scores[transport])


@dataclasses.dataclass
class FakeClient:
    """Answers the four rows with fixed scores."""

    scores: np.ndarray

    def classify(self, texts: list[str]) -> list[Prediction]:
        assert texts == scored_rows().texts
        return answers(self.scores)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    fake = FakeServer()
    monkeypatch.setattr(validator, "start_server", fake.start)
    monkeypatch.setattr(validator, "Client", fake.client)
    return fake


@pytest.fixture
def export_dir(tmp_path: Path) -> str:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_text("graph")
    return str(tmp_path / "export")


def test_a_model_is_served_as_version_1_and_asked_twice(
    server: FakeServer, export_dir: str
) -> None:
    verdict = validate(export_dir, scored_rows(), 1e-3)
    assert verdict == Verdict(blessed=True, engine="fake", rows=4)
    assert server.served == ["1/saved_model.pb"]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_both_transports_count(
    server: FakeServer, export_dir: str, transport: str
) -> None:
    server.scores[transport] = SCORES[:, ::-1]
    assert not validate(export_dir, scored_rows(), 1e-3).blessed


@pytest.mark.parametrize(
    "failure",
    [
        ServerStartError("the port is taken"),
        ServingError("grpc:1", "deadline exceeded"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_server_that_fails_refuses_and_says_why(
    server: FakeServer, export_dir: str, failure: Exception
) -> None:
    server.failure = failure
    verdict = validate(export_dir, scored_rows(), 1e-3)
    assert not verdict.blessed
    assert verdict.reason == f"{type(failure).__name__}: {failure}"


@pytest.mark.parametrize("failure", [None, OSError("gone"), ZeroDivisionError()])
def test_nothing_is_left_of_what_was_served(
    server: FakeServer, export_dir: str, failure: Exception | None
) -> None:
    server.failure = failure
    with contextlib.suppress(ZeroDivisionError):
        validate(export_dir, scored_rows(), 1e-3)
    (folder,) = server.folders
    assert not folder.parent.exists()


def test_the_report_gives_the_verdict_back(tmp_path: Path) -> None:
    verdict = Verdict(blessed=False, engine="x", rows=3, wrong_labels=1, reason="y")
    write_json(str(tmp_path), "server.json", dataclasses.asdict(verdict))
    assert validator.read_report(str(tmp_path)) == verdict
