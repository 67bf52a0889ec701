"""What the page says, read back from its HTML."""

import base64
import dataclasses
import hashlib
import re
import time

import pytest

from pipeline.data.notes import Note
from pipeline.report import (
    confidence,
    formats,
    metrics,
    rejecting,
    render,
    write_report,
)
from pipeline.report.results import (
    Calibration,
    Check,
    LinearModel,
    Rejection,
    RunResults,
    Teacher,
    TrainingSummary,
    Trial,
)
from tests.support.pipeline.html_page import HtmlPage
from tests.support.pipeline.run_results import run_results, with_evaluation

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>&{{ 7*7 }}"


@pytest.fixture(scope="module")
def results() -> RunResults:
    return run_results(num_classes=5, rows=200)


@pytest.fixture(scope="module")
def page(results) -> HtmlPage:
    return HtmlPage(render(results))


def test_headline_numbers_are_the_computed_ones(results, page):
    evaluation = results.evaluation
    assert page.text("accuracy") == formats.percent(metrics.accuracy(evaluation))
    assert page.text("macro-f1") == formats.percent(metrics.macro_f1(evaluation))
    error = confidence.expected_calibration_error(evaluation)
    assert page.text("calibration-error") == formats.percent(error)


def test_the_linear_model_stands_beside_the_accuracy(results):
    linear = LinearModel(
        accuracy=0.5, macro_f1=0.5, seconds=6.0, note=f"few rows {HOSTILE}"
    )
    page = HtmlPage(render(with_evaluation(results, linear=linear)))
    change = formats.points(metrics.accuracy(results.evaluation) - 0.5)
    assert page.text("linear") == f"{change} against a linear model: 50.0% in 6.0 s"
    assert f"few rows {HOSTILE}" in page.text("verdict")
    assert "better than the linear model" in page.text("verdict")


def test_the_teacher_stands_beside_its_student_and_in_the_lineage(results, page):
    teacher = Teacher(
        uri=f"runs/{HOSTILE}/3",
        version="3",
        digest="abc123",
        accuracy=0.9375,
        rows={"train": 1600, "made_up": 16_000},
        seconds=61.0,
    )
    taught = HtmlPage(render(dataclasses.replace(results, teacher=teacher)))
    assert taught.text("teacher") == "93.8% has its teacher"
    lineage = taught.text("lineage")
    assert "1,600 train, 16,000 made up, in 1 min 01 s" in lineage
    assert teacher.uri in lineage
    assert "teacher" not in page.visible


def test_every_trial_of_the_tuner_is_in_the_table(results):
    good = Trial(
        settings={"training.seed": 1},
        end="finished",
        accuracy=0.875,
        loss=0.5,
        seconds=3.0,
        is_best=True,
    )
    bad = dataclasses.replace(
        good, end="failed", accuracy=None, loss=None, reason=HOSTILE, is_best=False
    )
    training = dataclasses.replace(results.training, trials=(good, bad))
    changed = dataclasses.replace(results, training=training)
    assert RunResults.from_json(changed.to_json()) == changed
    page = HtmlPage(render(changed))
    first, second = page.table("trial-table")
    assert first == ["1", "87.5%", "0.5", "3.0 s", "finished", "training.seed=1"]
    assert second[1:3] == [formats.DASH, formats.DASH]
    assert second[4] == f"failed: {HOSTILE}"


def test_without_a_tuner_the_page_speaks_of_no_trials(results, page):
    assert "Trials" not in render(results)


def test_the_temperature_stands_with_what_it_changed(results):
    rows = len(results.evaluation.true_ids)
    calibration = Calibration(
        temperature=0.625,
        error_before=0.107,
        error_after=0.019,
        log_loss_before=0.5,
        log_loss_after=0.25,
        confidences_before=(0.5,) * rows,
    )
    html = render(with_evaluation(results, calibration=calibration))
    told = HtmlPage(html).text("calibration")
    assert told == "10.7% before, log loss 0.500 → 0.250; temperature 0.625"
    accuracy = formats.percent(metrics.accuracy(results.evaluation))
    told = f"before calibration: confidence 50.0%, accuracy {accuracy}, {rows} rows"
    assert told in html


def test_what_is_rejected_is_counted_drawn_and_said(results):
    rejection = Rejection(threshold=0.7, label=f"oos{HOSTILE}")
    labels = (*results.evaluation.labels[:-1], rejection.label)
    changed = with_evaluation(results, labels=labels, rejection=rejection)
    html = render(changed)
    page, found = HtmlPage(html), rejecting.measure(changed.evaluation)
    for share in (found.coverage, found.in_scope_accuracy, found.out_of_scope_recall):
        assert formats.percent(share) in page.text("rejection")
    assert "Texts out of scope that are rejected" in page.text("quality")
    assert f"{formats.percent(1 - found.coverage)} of the texts are rejected" in html
    assert HOSTILE not in html


def test_without_a_label_the_threshold_is_marked_where_it_answers(results):
    changed = with_evaluation(results, rejection=Rejection(threshold=0.7))
    page = HtmlPage(render(changed))
    assert "exported: 0.700" in page.text("quality")
    assert "out of scope" not in page.text("rejection")


def test_class_table_has_every_class_weakest_first(results, page):
    rows = page.table("class-scores")
    scores = sorted(metrics.class_scores(results.evaluation), key=lambda item: item.f1)
    assert [row[:4] for row in rows] == [
        [item.label, *map(formats.percent, (item.precision, item.recall, item.f1))]
        for item in scores
    ]


def test_confused_pairs_are_those_of_the_matrix(results, page):
    pairs = metrics.most_confused(results.evaluation, 15)
    assert [(row[0], row[2], row[3]) for row in page.table("confused-pairs")] == [
        (str(pair.count), pair.true, pair.predicted) for pair in pairs
    ]


def test_surest_mistakes_show_text_answer_and_truth(results, page):
    worst = metrics.mistakes(results.evaluation)[0]
    shown = page.text("worst-mistakes")
    answer = f"{worst.predicted} {formats.percent(worst.confidence)}"
    assert shown.startswith(f"{worst.text} {answer} should be {worst.true}")


def test_change_against_the_live_model_is_shown(results, page):
    change = metrics.accuracy(results.evaluation) - results.evaluation.live.accuracy
    assert f"{formats.points(change)} against live 1740000000" in page.visible


def test_thresholds_say_what_was_wanted_and_what_came(page):
    assert page.table("checks")[0] == ["accuracy", "0.9", "at least 0.80", "✓ passed"]


def test_run_that_was_not_blessed_says_why(results):
    check = Check(metric="accuracy", value=0.71, bound="at least 0.80", passed=False)
    run = dataclasses.replace(
        results.run, blessed=False, pushed_version=None, checks=(check,)
    )
    verdict = HtmlPage(render(dataclasses.replace(results, run=run))).text("verdict")
    assert verdict.startswith("✕ Not blessed Nothing was pushed.")
    assert "accuracy is 0.71, wanted at least 0.80." in verdict


def test_splits_show_rows_and_what_was_dropped(page):
    train = page.table("splits")[0]
    assert train[:3] == ["train", "1,600", "5"]
    assert train[-1] == "3 empty text, 12 duplicate"


def test_anomalies_are_listed(results, page):
    assert page.text("anomalies") == results.data.anomalies[0]


def test_every_epoch_and_every_file_has_its_row(results, page):
    assert len(page.table("history")) == len(results.training.history)
    assert [row[1] for row in page.table("variants")] == [
        "17.9 MB",
        "17.9 MB",
        "4.62 MB",
    ]


def test_node_times_add_up_to_the_wall_time(page):
    rows = page.table("nodes")
    assert rows[6][:3] == ["Trainer", "2 min 21 s", "57%"]
    assert rows[2][0] == "SchemaGen cached"
    assert rows[-1][:2] == ["outside the nodes", "7.1 s"]


def test_lineage_names_data_code_and_command(results, page):
    shown = page.text("lineage")
    for wanted in (
        results.lineage.data_sha256,
        results.lineage.code_fingerprint,
        results.lineage.git_commit,
        results.run.command,
        "2.21.0",
    ):
        assert wanted in shown


def test_top_k_accuracy_is_shown_only_if_known(results, page):
    assert "top-k" not in page.ids()
    known = with_evaluation(results, top_ids=[[0, 1, 2]] * 200)
    assert HtmlPage(render(known)).text("top-k") == "60.0%"


def _hostile(results: RunResults) -> RunResults:
    """Every free text of the run is an attack."""
    labels = tuple(f"{HOSTILE}{number}" for number in range(5))
    changed = with_evaluation(results, labels=labels, texts=(HOSTILE,) * 200)
    return dataclasses.replace(
        changed,
        run=dataclasses.replace(
            changed.run, title=HOSTILE, data_path=HOSTILE, command=HOSTILE
        ),
        data=dataclasses.replace(changed.data, anomalies=(HOSTILE,)),
        training=dataclasses.replace(changed.training, settings={HOSTILE: HOSTILE}),
        lineage=dataclasses.replace(changed.lineage, versions={HOSTILE: HOSTILE}),
        variants=tuple(
            dataclasses.replace(variant, name=HOSTILE, path=HOSTILE)
            for variant in changed.variants
        ),
    )


def test_html_in_texts_and_labels_stays_text(results, page):
    attacked = HtmlPage(render(_hostile(results)))
    scripts = [tag for tag, _ in attacked.tags if tag == "script"]
    assert len(scripts) == len([tag for tag, _ in page.tags if tag == "script"]) == 2
    assert not [tag for tag, _ in attacked.tags if tag == "img"]
    assert not [
        name for _, names in attacked.tags for name in names if name[:2] == "on"
    ]
    assert attacked.text("worst-mistakes").startswith(HOSTILE)


def test_security_policy_allows_our_script_and_nothing_from_outside(results):
    source = render(results)
    script = re.search(r"<script>(.*?)</script>", source, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(
        names["content"]
        for tag, names in HtmlPage(source).tags
        if names.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_page_asks_nothing_from_the_network(results):
    source = render(results)
    assert "http://" not in source
    assert "https://" not in source
    assert "@import" not in source


def _without_history(results: RunResults) -> RunResults:
    bare = TrainingSummary(history=(), best_epoch=None, parameters=12)
    return dataclasses.replace(results, training=bare)


def _diverged(results: RunResults) -> RunResults:
    history = tuple(
        {"epoch": epoch, "loss": float("nan"), "accuracy": 0.2} for epoch in (1, 2)
    )
    training = dataclasses.replace(results.training, history=history, best_epoch=7)
    return dataclasses.replace(results, training=training)


def _bare(results: RunResults) -> RunResults:
    return dataclasses.replace(
        results,
        data=dataclasses.replace(results.data, splits=(), anomalies=()),
        variants=(),
        lineage=dataclasses.replace(results.lineage, nodes=(), versions={}),
        run=dataclasses.replace(results.run, checks=(), wall_s=0.0),
    )


@pytest.mark.parametrize(
    "change",
    [
        _without_history,
        _diverged,
        _bare,
        lambda results: run_results(2, 2, accuracy=0.0),
        lambda results: run_results(2, 1, accuracy=1.0),
        lambda results: run_results(151, 30),
    ],
    ids=["no history", "diverged", "bare", "all wrong", "one row", "unseen classes"],
)
def test_degenerate_runs_still_make_a_page(results, change):
    page = HtmlPage(render(change(results)))
    assert "lineage" in page.ids()
    assert not re.search(r"\b(nan|inf)\b", page.visible)


def test_run_without_test_rows_leaves_quality_out(results):
    empty = with_evaluation(
        results, true_ids=(), predicted_ids=(), confidences=(), texts=()
    )
    assert "quality" not in HtmlPage(render(empty)).ids()


def test_perfect_run_says_there_are_no_mistakes():
    page = HtmlPage(render(run_results(3, 30, accuracy=1.0)))
    assert "None: all 30 answers are right." in page.text("mistakes")


def test_single_mistake_is_the_only_row(results):
    true_ids = results.evaluation.true_ids
    predicted_ids = (true_ids[0] + 1, *true_ids[1:])
    page = HtmlPage(render(with_evaluation(results, predicted_ids=predicted_ids)))
    assert page.table("confused-pairs") == [
        ["1", "2%", "topic_0", "topic_1", "question number 0"]
    ]


def test_foreign_letters_and_long_names_are_shown(results):
    labels = ("مرحبا", "😀", "x" * 300, "a_b", "e")
    page = HtmlPage(render(with_evaluation(results, labels=labels)))
    assert {row[0] for row in page.table("class-scores")} == set(labels)


def test_long_text_is_cut_and_its_length_said(results):
    page = HtmlPage(render(with_evaluation(results, texts=("y" * 5000,) * 200)))
    assert f"{'y' * 400}… (5,000 characters)" in page.text("worst-mistakes")


def test_many_classes_make_a_small_page_quickly():
    results = run_results(151, 4530, accuracy=0.3)
    metrics.macro_f1(results.evaluation)  # Imports scikit-learn.
    started = time.process_time()
    source = render(results)
    assert time.process_time() - started < 3
    assert len(source.encode()) < 3_000_000
    assert len(HtmlPage(source).table("class-scores")) == 151


def test_written_page_is_the_rendered_one(results, tmp_path):
    write_report(results, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text("utf-8") == render(results)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_failed_write_keeps_the_old_report_and_leaves_nothing(results, tmp_path):
    path = tmp_path / "report.html"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_report(results, path)
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_a_class_without_a_test_row_is_not_measured_and_comes_last(results):
    labels = (*results.evaluation.labels, "unseen")
    page = HtmlPage(render(with_evaluation(results, labels=labels)))
    last = page.table("class-scores")[-1]
    assert last[:5] == ["unseen", *["not measured"] * 3, "0"]
    assert page.text("measured").startswith("over 5 of 6 classes")


def test_notes_about_the_rows_are_shown_with_examples_and_advice(results):
    note = Note(what="texts <b>twice</b>", count=30, examples=("'x' (d.csv:2)",))
    data = dataclasses.replace(
        results.data, notes=(note,), unmeasured_labels=("one", "two")
    )
    page = HtmlPage(render(dataclasses.replace(results, data=data)))
    assert "30 × texts <b>twice</b>" in page.text("notes")
    assert "'x' (d.csv:2)" in page.text("notes")
    assert "The first 1 are shown" in page.text("notes")
    assert "2 labels without a test row" in page.text("unmeasured")
    assert "one, two" in page.text("unmeasured")


def test_a_refusal_shows_value_bound_setting_and_why(results):
    check = Check(
        metric="test accuracy",
        value=0.6123,
        bound="at least 0.7000",
        passed=False,
        note="61 of 100 test rows right",
        setting="evaluation.min_accuracy",
    )
    run = dataclasses.replace(results.run, blessed=False, checks=(check,))
    page = HtmlPage(render(dataclasses.replace(results, run=run)))
    assert (
        "test accuracy is 0.6123, wanted at least 0.7000 (evaluation.min_accuracy): "
        "61 of 100 test rows right."
    ) in page.text("verdict")
