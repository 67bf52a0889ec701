"""Which rows are put aside: every label measured, no text on two sides, few moves."""

import collections
import random
from collections.abc import Sequence

import pytest

from model import contract
from pipeline.data.repeats import text_key
from pipeline.data.splits import Wanted, split_of_each

Row = tuple[str, str]
BOTH = {contract.TEST: 0.1, contract.VALIDATION: 0.1}


def rows_of(**counts: int) -> list[Row]:
    return [
        (f"text {number} of {label}", label)
        for label, count in counts.items()
        for number in range(count)
    ]


def split(
    rows: Sequence[Row], *, min_train_rows: int = 2, fractions: dict | None = None
) -> list[str]:
    keys: dict[str, int] = {}
    repeats: dict[int, list[int]] = {}
    for position, (text, _) in enumerate(rows):
        first = keys.setdefault(text_key(text), position)
        if first != position:
            repeats.setdefault(first, []).append(position)
    want = Wanted(fractions=fractions or BOTH, min_train_rows=min_train_rows)
    return split_of_each(rows, repeats, keys, want)


def counted(rows: Sequence[Row], splits: Sequence[str]) -> collections.Counter:
    pairs = zip(splits, rows, strict=True)
    return collections.Counter((split, label) for split, (_, label) in pairs)


def test_a_label_with_six_rows_of_two_thousand_has_a_row_in_every_split() -> None:
    for seed in range(20):
        rows = [
            *rows_of(a=1000, b=1000),
            *((f"rare {seed} {n}", "c") for n in range(6)),
        ]
        counts = counted(rows, split(rows))
        assert [counts[name, "c"] for name in contract.SPLITS] == [4, 1, 1]


@pytest.mark.parametrize(
    ("rows", "test", "validation"), [(1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 1, 1)]
)
def test_a_rare_label_is_learnt_first_then_tested_then_validated(
    rows: int, test: int, validation: int
) -> None:
    data = rows_of(a=500, b=500, c=rows)
    counts = counted(data, split(data))
    assert counts[contract.TEST, "c"] == test
    assert counts[contract.VALIDATION, "c"] == validation


@pytest.mark.parametrize("size", [20, 100, 1000])
def test_every_label_gives_its_share_within_a_fifth_or_a_row(
    size: int,
) -> None:
    rows = rows_of(**{f"l{number}": size for number in range(30)})
    counts = counted(rows, split(rows))
    for name in (contract.TEST, contract.VALIDATION):
        taken = [counts[name, f"l{number}"] for number in range(30)]
        assert min(taken) > 0.08 * size - 1
        assert max(taken) < 0.12 * size + 1


def test_a_thousand_labels_of_four_rows_keep_what_they_learn_from() -> None:
    rows = rows_of(**{f"l{number}": 4 for number in range(1500)})
    splits = split(rows)
    counts, sizes = counted(rows, splits), collections.Counter(splits)
    assert min(counts[contract.TRAIN, f"l{number}"] for number in range(1500)) >= 2
    assert 0.06 < sizes[contract.TEST] / 6000 < 0.12
    assert 0.06 < sizes[contract.VALIDATION] / 6000 < 0.12


def test_a_few_labels_of_few_rows_are_all_measured() -> None:
    rows = rows_of(**{f"l{number}": 6 for number in range(10)})
    counts = counted(rows, split(rows))
    for name in (contract.TEST, contract.VALIDATION):
        assert all(counts[name, f"l{number}"] == 1 for number in range(10))


def test_where_labels_have_one_row_to_spare_test_and_validation_share_them() -> None:
    rows = rows_of(**{f"l{number}": 3 for number in range(12)})
    sizes = collections.Counter(split(rows))
    assert sizes == {contract.TRAIN: 24, contract.VALIDATION: 6, contract.TEST: 6}


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = rows_of(a=300, b=40, c=6, d=3) * 2
    shuffled = random.Random(1).sample(rows, len(rows))
    assert set(zip(rows, split(rows), strict=True)) == set(
        zip(shuffled, split(shuffled), strict=True)
    )


def test_hardly_a_row_moves_when_the_data_doubles() -> None:
    labels = [f"l{number}" for number in range(77)]
    rows = [(f"text {n}", labels[n % 77]) for n in range(20_000)]
    before, after = split(rows[:10_000]), split(rows)
    moved = sum(a != b for a, b in zip(before, after, strict=False))
    assert moved < 150  # Of 10,000.


def test_a_row_more_moves_no_other_of_a_large_label() -> None:
    rows = rows_of(a=2000, b=2000)
    assert split([*rows, ("one more", "a")])[:4000] == split(rows)


def test_texts_that_look_the_same_stay_together() -> None:
    rows = rows_of(a=200, b=200)
    rows += [(text.upper(), label) for text, label in rows]
    rows += [(text.replace(" ", "  "), label) for text, label in rows[:400]]
    by_text = collections.defaultdict(set)
    for (text, _), found in zip(rows, split(rows), strict=True):
        by_text[text_key(text)].add(found)
    assert len(by_text) == 400
    assert all(len(found) == 1 for found in by_text.values())


def test_a_text_of_many_rows_does_not_fill_the_test() -> None:
    rows = rows_of(a=500, b=500) + [("hello", "a")] * 500
    for extra in range(20):
        varied = [(f"{text} {extra}", label) for text, label in rows]
        assert collections.Counter(split(varied))[contract.TEST] < 250


def test_a_label_of_two_frequent_texts_is_measured_by_one_of_them() -> None:
    rows = [("hello", "a")] * 50 + [("bye", "a")] * 50 + rows_of(b=100)
    counts = counted(rows, split(rows))
    assert counts[contract.TEST, "a"] == counts[contract.TRAIN, "a"] == 50


def test_a_label_that_shares_its_texts_keeps_rows_to_learn_from() -> None:
    for extra in range(30):
        common = [f"text {number} {extra}" for number in range(60)]
        rows = [(text, "a") for text in common for _ in range(2)]
        rows += [(text, "b") for text in common[:3]] + rows_of(c=60)
        counts = counted(rows, split(rows))
        assert counts[contract.TRAIN, "b"] >= 2


def test_only_the_wanted_splits_are_taken() -> None:
    rows = rows_of(a=100, b=100)
    found = set(split(rows, fractions={contract.VALIDATION: 0.2}))
    assert found == {contract.TRAIN, contract.VALIDATION}


def test_a_fraction_of_nothing_takes_nothing() -> None:
    rows = rows_of(a=100, b=100)
    found = split(rows, fractions={contract.TEST: 0.0, contract.VALIDATION: 0.1})
    assert contract.TEST not in found


@pytest.mark.parametrize("seed", range(60))
def test_texts_under_several_labels_cost_no_label_its_rows_to_learn_from(
    seed: int,
) -> None:
    chance = random.Random(seed)
    rows = [
        (f"{label} {n}" if chance.random() < 0.7 else f"common {n % 9}", label)
        for label in "abcdefgh"
        for n in range(chance.choice([1, 2, 3, 5, 10, 50]))
    ]
    splits = split(rows, fractions={contract.TEST: 0.3, contract.VALIDATION: 0.2})
    counts, totals = counted(rows, splits), collections.Counter(row[1] for row in rows)
    for label, total in totals.items():
        assert counts[contract.TRAIN, label] >= min(2, total)


def test_one_text_under_two_labels_moves_no_other_row() -> None:
    rows = rows_of(a=500, b=500)
    before, after = split(rows), split([*rows, ("text 0 of a", "b")])
    moved = sum(one != other for one, other in zip(before, after[:-1], strict=True))
    assert moved <= 2
    assert collections.Counter(before)[contract.TEST] >= 80


def test_a_label_whose_texts_go_with_others_gives_its_share_of_its_own() -> None:
    shared = [(f"shared {n}", label) for n in range(300) for label in ("a", "a", "b")]
    own = [(f"own {n}", "b") for n in range(40)]
    splits = split([*shared, *own])[-len(own) :]
    assert 3 <= collections.Counter(splits)[contract.TEST] <= 5
