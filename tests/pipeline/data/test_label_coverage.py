"""Labels that cannot be learnt or measured are named before anything is trained."""

from pathlib import Path

import pytest

from pipeline.data import ingest
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset
from pipeline.errors import DataError


def load(folder: Path, files: dict[str, dict[str, int]], **settings: float) -> Dataset:
    """Reads files of so many rows for each label; `d` alone is split."""
    for name, counts in files.items():
        rows = [
            f"{name} {label} {n},{label}"
            for label in counts
            for n in range(counts[label])
        ]
        path = folder / f"{name}.csv"
        path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    source = folder / "d.csv" if "d" in files else folder
    return ingest.load(source, DataConfig(**settings))  # type: ignore[arg-type]


def noted(dataset: Dataset, what: str) -> tuple[str, ...]:
    (note,) = (note for note in dataset.notes if what in note.what)
    return note.examples


def test_a_label_of_two_rows_is_learnt_and_named_as_unmeasured(tmp_path: Path) -> None:
    dataset = load(tmp_path, {"d": {"a": 300, "b": 300, "c": 2}})
    assert dataset.unmeasured_labels == ["c"]
    assert noted(dataset, "without a test row") == ("'c' (2 rows in train)",)


def test_a_label_that_the_own_test_file_lacks_is_named(tmp_path: Path) -> None:
    few = {"a": 5, "b": 5}
    dataset = load(tmp_path, {"train": {"a": 90, "b": 90, "c": 90}, "test": few})
    assert dataset.unmeasured_labels == ["c"]
    assert noted(dataset, "without a test row")[0].startswith("'c'")


def test_a_label_that_the_own_validation_file_lacks_is_named(tmp_path: Path) -> None:
    few = {"a": 5, "b": 5}
    files = {"train": {"a": 90, "b": 90, "c": 90}, "validation": few}
    assert noted(load(tmp_path, files), "validation row")[0].startswith("'c'")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_label_only_outside_of_train_is_refused_with_its_look_alike(
    tmp_path: Path, split: str
) -> None:
    files = {"train": {"Refund": 90, "b": 90}, split: {"refund": 5, "b": 5}}
    with pytest.raises(DataError) as caught:
        load(tmp_path, files)
    assert f"1 label ('refund') in the {split} split" in str(caught.value)
    assert "these look alike: 'Refund', 'refund' differ in case" in str(caught.value)
    assert f"The first one is that of {split}.csv:2." in str(caught.value)


def test_a_rare_label_is_refused_with_the_one_that_was_perhaps_meant(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, {"d": {"refund": 90, "b": 90, "re\u200bfund": 1}})
    assert r"'re\u200bfund'" in str(caught.value)
    assert "The first one is that of d.csv:182." in str(caught.value)
    assert "differ in characters that cannot be seen" in str(caught.value)
    assert "--set data.min_rows_per_label=1" in str(caught.value)


def test_a_label_for_every_row_asks_whether_the_columns_are_the_right_ones(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=r"are --text-column and --label-column the"):
        load(tmp_path, {"d": {f"text {n}": 1 for n in range(50)}})


def test_a_test_of_one_label_measures_nothing_and_is_refused(tmp_path: Path) -> None:
    files = {"train": {"a": 90, "b": 90}, "test": {"a": 7}}
    with pytest.raises(DataError, match=r"all 7 rows of the test split .*'a': a model"):
        load(tmp_path, files)


def test_two_labels_of_which_one_cannot_be_tested_are_refused_with_the_setting(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=r"needs 3 rows .*data\.min_rows_per_label, 2"):
        load(tmp_path, {"d": {"a": 900, "b": 2}})
    assert load(tmp_path, {"d": {"a": 900, "b": 2}}, min_rows_per_label=1)


def test_too_few_rows_for_all_splits_say_which_settings_hold_them(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, {"d": {"a": 3, "b": 3}})
    assert "no row is left for the validation split" in str(caught.value)
    assert "data.min_rows_per_label (2)" in str(caught.value)
    assert "data.validation_fraction (0.1)" in str(caught.value)


def test_fifteen_hundred_labels_of_four_rows_can_be_trained(tmp_path: Path) -> None:
    dataset = load(tmp_path, {"d": {f"l{n}": 4 for n in range(1500)}})
    assert len(dataset.labels) == 1500
    measured = set(dataset.labels_of("test"))
    assert len(measured) + len(dataset.unmeasured_labels) == 1500
    assert len(noted(dataset, "without a test row")) == 20  # Of many; the rest counted.


def test_the_wrong_column_is_guessed_instead_of_comparing_every_text(
    tmp_path: Path,
) -> None:
    texts = {f"text {n}": 1 for n in range(2000)}
    with pytest.raises(DataError) as caught:
        load(tmp_path, {"d": {"usual": 3, "Where?": 1, "where?": 1, **texts}})
    assert "label of their own: are --text-column" in str(caught.value)
    assert "look alike" not in str(caught.value)
