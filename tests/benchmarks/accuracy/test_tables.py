"""Tables from records: means, spread, order, and dashes where nothing is known."""

import dataclasses

import pytest

from benchmarks.accuracy.summaries import Figure, summaries
from benchmarks.accuracy.tables import long_tables, short_table
from tests.support.benchmarks.accuracy_runs import record

LINEAR = record(
    variant="linear", seed=0, accuracy=0.83, files={}, trained_parameters=0, train_s=2.0
)
SCRATCH = [record(seed=n, accuracy=a) for n, a in ((1, 0.80), (2, 0.82), (3, 0.81))]
FULL = record(
    variant="full",
    options="--pretrained {pretrained}",
    pretrained="mini",
    accuracy=0.93,
)
LORA = record(
    variant="lora",
    options="--pretrained {pretrained} …",
    pretrained="mini",
    accuracy=0.92,
)
STUDENT = record(
    variant="student", options="--teacher {teacher}", pretrained="mini", accuracy=0.9
)
ALL = [STUDENT, *SCRATCH, LORA, LINEAR, FULL]


def rows(text: str, first: str) -> list[list[str]]:
    """The cells of the table whose head begins so."""
    table = text[text.index(f"| {first} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_a_figure_has_mean_spread_and_count() -> None:
    assert Figure.of([0.80, 0.82, 0.81]).percent() == "81.0 ± 1.0 (3)"
    assert Figure.of([0.8349]).percent() == "83.5"


def test_the_overview_has_ways_down_and_data_across() -> None:
    other = record(dataset="banking77", variant="full", options=FULL.options, seed=5)
    other = record(**{**vars(other), "pretrained": "mini", "accuracy": 0.939})
    head, _, *body = rows(long_tables([*ALL, other]), "trained")
    assert head == ["trained", "`velora`", "`banking77`"]
    assert body == [
        ["linear model", "83.0", "–"],
        ["from scratch", "81.0 ± 1.0 (3)", "–"],
        ["mini, fine-tuned, all weights", "93.0", "93.9"],
        ["mini, LoRA", "92.0", "–"],
        ["mini, student of the fine-tuned", "90.0", "–"],
    ]


def test_where_some_texts_are_out_of_scope_the_others_are_compared() -> None:
    clinc = record(
        dataset="clinc150",
        accuracy=0.8,
        in_scope_accuracy=0.95,
        out_of_scope_recall=0.6,
    )
    text = long_tables([clinc])
    head, _, body = rows(text, "trained")
    assert (head[1], body[1]) == ("`clinc150`, in scope", "95.0")
    *_, detail = rows(text, "data")
    assert detail[2:4] == ["80.0", "60.0"]


def test_the_details_have_seconds_memory_weights_and_sizes() -> None:
    _, _, linear, scratch, *_ = rows(long_tables(ALL), "data")
    assert linear == [
        *("velora", "linear model", "83.0", "–", "2.0 s", "2 min 00 s", "2 GB"),
        *("–", "–", "–", "–"),
    ]
    assert scratch[4:] == [
        *("50 s", "2 min 00 s", "2 GB", "400,000"),
        *("2.3 MB", "9 B", "560 kB"),
    ]


def test_the_short_table_has_plain_fine_tuning_where_another_way_is_better() -> None:
    plain = dataclasses.replace(FULL, accuracy=0.91)
    *_, row = rows(short_table([*ALL[:-1], plain]), "data")
    assert row == [
        "`velora`",
        "83.0",
        "81.0 ± 1.0 (3), 50 s, 560 kB int8",
        "91.0, mini",
        "90.0, 50 s, 560 kB int8",
    ]
    assert rows(short_table([LINEAR]), "data")[-1][2:] == ["–", "–", "–"]


def test_conditions_name_the_machine() -> None:
    assert "on 2 cores of Fast <1>." in short_table(ALL)


def test_settings_make_another_row_and_cannot_break_the_table() -> None:
    special = record(settings=("a.b=x|y",))
    assert len(summaries([special, record()])) == 2
    assert "from scratch, a.b=x\\|y" in long_tables([special, record()])


@pytest.mark.parametrize("newest", [0, 1])
def test_what_was_measured_with_older_options_is_left_out(newest: int) -> None:
    both = [record(options="old", seed=1), record(options="new", seed=2)]
    (found,) = summaries([both[1 - newest], both[newest]])
    assert found.records == (both[newest],)
