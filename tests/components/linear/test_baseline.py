"""The linear model beside every result: fair, bounded, and never in a run's way."""

import re
from pathlib import Path

import pytest
from tfx.types import artifact_utils, standard_artifacts

from components import artifacts
from components.linear import baseline, learning
from components.linear.baseline import LinearModel
from components.linear.learning import Rows, bounded
from model import contract
from tests.support.labelled_rows import scored_rows, write_examples

COLOURS = {"red": "cherry rose blood", "blue": "sky sea ink", "green": "leaf moss pea"}


def rows(count: int = 30) -> Rows:
    """Texts of which one word names the label."""
    labels = list(COLOURS)
    return [
        (f"a thing like {COLOURS[label].split()[n % 3]} {n}", label)
        for n, label in ((n, labels[n % len(labels)]) for n in range(count))
    ]


def measure(splits: dict[str, Rows]) -> LinearModel:
    return baseline.measure(splits)[0]


def splits(**changed: Rows) -> dict[str, Rows]:
    return {**dict.fromkeys(contract.SPLITS, rows()), **changed}


def test_words_that_name_the_label_are_learnt() -> None:
    found = measure(splits())
    assert (found.accuracy, found.macro_f1) == (1.0, 1.0)
    assert found.train_rows == 30
    assert found.features > 20
    assert not found.note


def test_the_answers_are_those_of_the_test_rows() -> None:
    _, pairs = baseline.measure(splits(test=rows(7)))
    assert pairs == {("red", "red"): 3, ("blue", "blue"): 2, ("green", "green"): 2}


def test_labels_may_be_any_text_and_one_of_them_unseen() -> None:
    renamed = [(text, f"{label} – größer\n") for text, label in rows()]
    test = [*renamed, ("a thing like nothing", "unseen")]
    found = measure(splits(train=renamed, validation=renamed, test=test))
    assert found.accuracy == pytest.approx(30 / 31)


def test_validation_chooses_c_and_test_rows_choose_nothing() -> None:
    odd = [(text, label) for text, (_, label) in zip("xyz" * 10, rows(), strict=True)]
    chosen = measure(splits()).c
    assert chosen in learning.C_GRID
    assert measure(splits(test=odd)).c == chosen


def test_of_two_that_validation_does_not_tell_apart_the_smaller_c_is_taken() -> None:
    assert measure(splits(validation=rows(3))).c == learning.C_GRID[0]


def test_validation_rows_are_not_learnt_from() -> None:
    taught = [("word for it", "red")] * 9
    found = measure(splits(validation=taught, test=[("word for it", "red")]))
    assert found.train_rows == 30


def test_emoji_are_characters_though_they_are_no_words() -> None:
    faces = [("🙂🙂", "glad"), ("🙁🙁", "sad")] * 10
    found = measure(dict.fromkeys(contract.SPLITS, faces))
    assert found.accuracy == 1.0
    assert not found.note


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        ([(" ", "a"), ("", "a"), ("", "b")], "no train text has a word"),
        ([("one", "a"), ("two", "a"), ("three", "a")], "all train rows have one label"),
    ],
)
def test_where_nothing_can_be_learnt_it_says_the_most_frequent_label_and_why(
    train: Rows, reason: str
) -> None:
    found = measure({**splits(test=[("x", "a"), ("y", "b")]), contract.TRAIN: train})
    assert (found.accuracy, found.c) == (0.5, None)
    assert found.note.startswith("the linear model learnt nothing (")
    assert found.note.endswith("it always says 'a'")
    assert re.search(reason, found.note)


def test_memory_that_does_not_suffice_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(learning, "_counted", exhausted)
    assert "(MemoryError)" in measure(splits()).note


def test_more_rows_than_are_learnt_in_bounded_time_are_drawn_by_lot_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "_FEWEST_ROWS", 10)
    monkeypatch.setattr(learning, "MAX_CHARACTERS", 2_000)
    many = rows(300)
    kept, (note,) = bounded(many)
    assert 60 < len(kept) < 150
    assert kept == [row for row in many if row in set(kept)]  # In their order.
    assert kept == bounded(many)[0]
    assert note == f"learnt from {len(kept)} of 300 train rows, drawn by lot"
    assert measure(splits(train=many)).note == note


def test_many_labels_leave_room_for_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_FEWEST_ROWS", 10)
    monkeypatch.setattr(learning, "MAX_LABELLED_CHARACTERS", 100_000)
    few = [(text, str(n % 2)) for n, (text, _) in enumerate(rows(300))]
    many = [(text, str(n)) for n, (text, _) in enumerate(rows(300))]
    assert len(bounded(few)[0]) == 300
    assert len(bounded(many)[0]) < 300


def test_coefficients_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MAX_COEFFICIENTS", 60)
    found = measure(splits())
    assert found.features * len(COLOURS) <= 60


def test_of_a_long_text_the_beginning_counts() -> None:
    limit = learning.MAX_TEXT_CHARACTERS
    (kept, *_), notes = bounded([("x" * (limit + 1), "a"), ("y", "b")])
    assert kept == ("x" * limit, "a")
    assert notes == [f"texts were cut to {limit:,} characters"]


def test_the_component_reads_every_split_and_reports_with_seconds(
    tmp_path: Path,
) -> None:
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    examples.split_names = artifact_utils.encode_split_names([*contract.SPLITS])
    for split in contract.SPLITS:
        write_examples(tmp_path / "examples" / f"Split-{split}", rows())
    report = artifacts.LinearReport()
    report.uri = str(tmp_path)
    function = baseline.LinearBaseline.EXECUTOR_SPEC.executor_class._FUNCTION
    function(examples=examples, report=report, code_fingerprint="")
    found = baseline.read_report(str(tmp_path))
    assert (found.accuracy, found.train_rows) == (1.0, 30)
    assert found.seconds > 0


@pytest.mark.parametrize(
    ("min_gain", "blessed"), [(0.05, 1), (0.051, 0), (0.0, 1), (-0.5, 1)]
)
def test_the_gate_refuses_a_gain_that_is_too_small(
    tmp_path: Path, min_gain: float, blessed: int
) -> None:
    # 3 of 4 rows right: a gain of 0.05, up to the last digit of a float.
    reached = LinearModel(accuracy=0.7, macro_f1=0.7, seconds=1.0)
    scored_rows().save(str(tmp_path))
    artifacts.write_json(str(tmp_path), "linear.json", vars(reached))
    predictions, linear = artifacts.Predictions(), artifacts.LinearReport()
    blessing = standard_artifacts.InfraBlessing()
    for artifact in (predictions, linear, blessing):
        artifact.uri = str(tmp_path)
    baseline.LinearGate.EXECUTOR_SPEC.executor_class._FUNCTION(
        predictions=predictions,
        linear=linear,
        blessing=blessing,
        min_gain=min_gain,
        code_fingerprint="",
    )
    assert blessing.get_int_custom_property("blessed") == blessed
