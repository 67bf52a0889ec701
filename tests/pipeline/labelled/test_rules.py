"""The rules that data is held against, here and in the first step of a cluster."""

from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.errors import DataError, SettingError
from pipeline.labelled.rules import DataRules


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = [f"text {n},{'ab'[n % 2]}\n" for n in range(60)]
    path.write_text("body,label\n" + "".join(lines))
    return path


def rules(**settings: str) -> DataRules:
    overrides = {"data.text_column": "body"}
    overrides |= {key.replace("__", "."): text for key, text in settings.items()}
    return DataRules.of(RunConfig.of("tiny", overrides))


def test_another_process_has_the_same_rules_and_rows(rows: Path) -> None:
    here = rules(evaluation__reject_label="a", data__test_fraction="0.2")
    there = DataRules.from_json(here.to_json())
    assert there == here
    assert there.load(rows).sha256 == here.load(rows).sha256


def test_texts_for_a_teacher_come_with_them(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("unseen one\nunseen two\n")
    dataset = rules().load(rows, tmp_path / "more.txt")
    assert dataset.unlabelled == ("unseen one", "unseen two")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"export__top_k": "3"}, "export.top_k is 3, and the data has 2 labels"),
        ({"evaluation__reject_label": "z"}, "evaluation.reject_label is 'z'"),
    ],
)
def test_a_setting_that_the_data_contradicts_is_refused(
    rows: Path, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SettingError, match=complaint):
        rules(**settings).load(rows)


def test_data_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        rules().load(tmp_path / "nothing.csv")
