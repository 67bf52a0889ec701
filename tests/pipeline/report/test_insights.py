"""What the report says in words, and when it keeps silent."""

import dataclasses

import pytest

from pipeline.report.insights import insights, linear_advice
from pipeline.report.results import LinearModel, LiveModel, RunResults, SplitData
from tests.support.pipeline.run_results import run_results, with_evaluation


def _answers(*answers: tuple[int, int, float]) -> RunResults:
    """A run whose test split has these (true id, predicted id, confidence)."""
    true_ids, predicted_ids, confidences = zip(*answers, strict=True)
    return with_evaluation(
        run_results(),
        true_ids=true_ids,
        predicted_ids=predicted_ids,
        confidences=confidences,
        texts=("",) * len(answers),
        live=None,
    )


def _said(results: RunResults, part: str) -> list[str]:
    return [sentence for sentence in insights(results) if part in sentence]


def test_calibrated_run_without_mistakes_has_nothing_to_say():
    assert insights(_answers(*[(0, 0, 0.99)] * 50)) == []


def test_a_test_of_few_rows_says_what_one_row_is_worth():
    four = _answers((0, 0, 0.9), (1, 1, 0.9), (0, 0, 0.9), (1, 0, 0.9))
    assert _said(four, "one row is") == [
        "The test has 4 rows, so one row is 25.0 points: by chance alone accuracy "
        "could be 30% or 95%."
    ]


def test_small_change_against_live_is_called_chance():
    results = run_results(rows=200)
    near = LiveModel(version="7", accuracy=0.86)
    far = LiveModel(version="7", accuracy=0.5)
    said = _said(with_evaluation(results, live=near), "live version 7")
    assert said == [
        "Accuracy is 1.0 points worse than that of the live version 7. "
        "That is within what chance could do."
    ]
    said = _said(with_evaluation(results, live=far), "live version 7")
    assert said == ["Accuracy is 35.0 points better than that of the live version 7."]


@pytest.mark.parametrize(
    ("linear", "sentence"),
    [
        (0.8, "The Transformer is better than the linear model by 10.0 points."),
        (
            0.88,
            "Level with the linear model, within one standard error (3.2 points): "
            "pretrained weights (--pretrained) or more rows may lift it above.",
        ),
        (
            0.95,
            "The linear model is better by 5.0 points: pretrained weights "
            "(--pretrained) or more rows may help.",
        ),
    ],
)
def test_the_linear_model_beside_it_gives_one_sentence_of_advice(
    linear: float, sentence: str
):
    results = _answers(*[(0, 0, 0.9)] * 90, *[(0, 1, 0.9)] * 10)
    beside = LinearModel(accuracy=linear, macro_f1=linear, seconds=1.0)
    results = with_evaluation(results, linear=beside)
    assert linear_advice(results) == sentence
    assert insights(results)[0] == sentence


def test_who_has_pretrained_weights_is_not_advised_to_take_some():
    results = with_evaluation(
        _answers((0, 1, 0.9)),
        linear=LinearModel(accuracy=0.95, macro_f1=0.9, seconds=1.0),
    )
    lineage = dataclasses.replace(results.lineage, pretrained="mini")
    sentence = linear_advice(dataclasses.replace(results, lineage=lineage))
    assert sentence is not None
    assert "--pretrained" not in sentence
    assert "training.max_epochs" in sentence


def test_without_a_linear_model_there_is_no_advice():
    assert linear_advice(_answers((0, 0, 0.9))) is None


def test_rejecting_is_worth_a_sentence_when_it_helps():
    unsure_is_wrong = _answers(*[(0, 0, 0.9)] * 9, (0, 1, 0.3))
    assert _said(unsure_is_wrong, "Rejecting") == [
        "Rejecting the least sure 10% of texts (confidence below 0.90) lifts accuracy "
        "from 90.0% to 100.0%."
    ]
    sure_is_wrong = _answers(*[(0, 0, 0.8)] * 9, (0, 1, 0.99))
    assert not _said(sure_is_wrong, "Rejecting")


def test_frequent_confusion_is_named_and_a_single_one_is_not():
    twice = _answers((0, 0, 0.9), (0, 2, 0.9), (0, 2, 0.9), (1, 1, 0.9))
    (sentence,) = _said(twice, "most frequent mistake")
    assert "topic_2" in sentence
    assert "2 rows, 67% of that class" in sentence
    assert not _said(_answers((0, 0, 0.9), (0, 2, 0.9)), "most frequent mistake")


def test_classes_below_half_are_named_weakest_first():
    results = _answers((0, 1, 0.6), (1, 1, 0.6), (2, 2, 0.6), (2, 1, 0.6), (2, 1, 0.6))
    (sentence,) = _said(results, "Less than half")
    assert sentence.index("topic_0") < sentence.index("topic_2")
    assert "topic_1" not in sentence


def test_overconfidence_and_underconfidence_are_told_apart():
    assert _said(_answers((0, 0, 0.9), (0, 1, 0.9)), "is surer than it should be")
    assert _said(_answers(*[(0, 0, 0.6)] * 4), "is less sure than it should be")


def test_best_last_epoch_asks_for_more():
    results = run_results()
    training = dataclasses.replace(results.training, best_epoch=12)
    assert _said(dataclasses.replace(results, training=training), "more epochs")
    assert not _said(results, "more epochs")


def test_texts_at_the_length_limit_are_reported():
    results = run_results()
    split = SplitData(
        name="train", rows=10, label_counts={}, token_lengths=(0, 9, 0, 1)
    )
    data = dataclasses.replace(results.data, splits=(split,), max_sequence_length=3)
    assert _said(dataclasses.replace(results, data=data), "10.0% of the texts reach")
    longer = dataclasses.replace(data, max_sequence_length=4)
    assert not _said(dataclasses.replace(results, data=longer), "reach the limit")


def test_uneven_labels_are_reported():
    results = run_results()
    split = SplitData(name="train", rows=110, label_counts={"a": 100, "b": 10})
    data = dataclasses.replace(results.data, splits=(split,))
    assert _said(dataclasses.replace(results, data=data), "uneven: 10 to 100 rows")
