"""The committed file: a line for each measurement, whole whatever happens."""

from pathlib import Path

import pytest

from benchmarks.accuracy.matrix import cells, variants_named
from benchmarks.accuracy.records import Record, RecordFile
from tests.support.benchmarks.accuracy_runs import record


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    return RecordFile(tmp_path / "new" / "accuracy.jsonl")


def test_records_come_back_as_they_were(file: RecordFile) -> None:
    first, second = record(settings=("a=b",)), record(seed=2, commit="größe\u2028")
    for each in (first, second):
        file.append(each)
    assert file.read() == [first, second]
    assert Record.from_json(first.to_json()) == first


def test_of_the_same_measurement_the_latest_counts(file: RecordFile) -> None:
    for accuracy in (0.5, 0.6):
        file.append(record(accuracy=accuracy))
    assert [each.accuracy for each in file.read()] == [0.6]


def test_without_a_file_there_are_no_records(file: RecordFile) -> None:
    assert file.read() == []


def test_what_is_recorded_is_not_measured_again(file: RecordFile) -> None:
    wanted = list(cells(["velora"], variants_named(["linear", "scratch"]), [1, 2]))
    file.append(record(seed=1))
    left = [(each.variant.name, each.seed) for each in file.unfinished(wanted)]
    assert left == [("linear", 0), ("scratch", 2)]


def test_other_options_are_another_measurement(file: RecordFile) -> None:
    (wanted,) = cells(["velora"], variants_named(["scratch"]), [1])
    file.append(record(seed=1, options="--preset base"))
    assert file.unfinished([wanted]) == [wanted]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"settings": []}'])
def test_a_line_that_is_no_record_is_named(file: RecordFile, line: str) -> None:
    file.append(record())
    (path,) = file._path.parent.iterdir()
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(ValueError, match=r"accuracy.jsonl, line 2, is no record"):
        file.read()


def test_in_scope_is_what_is_compared_where_there_is_another_scope() -> None:
    assert record(accuracy=0.7).headline == 0.7
    assert record(accuracy=0.7, in_scope_accuracy=0.9).headline == 0.9
