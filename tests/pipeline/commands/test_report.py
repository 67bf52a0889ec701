"""`ktp report`: the page drawn anew, or one sentence about a file that is not ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.report import report
from pipeline.errors import DataError, SettingError
from pipeline.report import render
from tests.support.pipeline.run_results import run_results


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.json"
    path.write_text(run_results(rows=20).to_json(), encoding="utf-8")
    return path


def drawn(*arguments: object) -> Result:
    return CliRunner().invoke(report, [str(argument) for argument in arguments])


def test_the_page_is_the_one_that_the_run_drew(results: Path) -> None:
    answer = drawn(results)
    page = results.with_name("report.html")
    assert answer.output == f"Wrote {page}\n"
    assert page.read_text("utf-8") == render(run_results(rows=20))


def test_the_page_goes_where_it_is_asked_to(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "other.html"
    assert drawn(results, "--output", page).exit_code == 0
    assert page.exists()
    assert not results.with_name("report.html").exists()


def test_a_page_that_cannot_be_written_is_named(results: Path, tmp_path: Path) -> None:
    error = drawn(results, "--output", tmp_path / "gone" / "page.html").exception
    assert isinstance(error, SettingError)
    assert "gone/page.html cannot be written: No such file" in str(error)


def test_a_missing_file_is_named_with_what_to_give(tmp_path: Path) -> None:
    error = drawn(tmp_path / "results.json").exception
    assert isinstance(error, DataError)
    assert "results.json cannot be read: No such file" in str(error)
    assert "Give the results.json that `ktp run` writes" in str(error)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    error = drawn(tmp_path).exception
    assert isinstance(error, DataError)
    assert "cannot be read: Is a directory" in str(error)


def test_half_a_file_is_refused(results: Path) -> None:
    results.write_text(results.read_text("utf-8")[:1000], encoding="utf-8")
    error = drawn(results).exception
    assert isinstance(error, DataError)
    assert "results.json does not hold the results of a run" in str(error)


def test_a_file_that_is_not_text_is_refused(results: Path) -> None:
    results.write_bytes(b"\x1f\x8b\x08\x00\xff")
    assert isinstance(drawn(results).exception, DataError)


def _without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda found: {k: v for k, v in found.items() if k != key}


def _with_epoch(epoch: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda found: {
        **found,
        "training": {**found["training"], "history": [epoch]},
    }


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda found: [found], "the file is not an object"),
        (lambda found: "text", "the file is not an object"),
        (lambda found: {**found, "colour": 1}, "the file has unknown colour"),
        (_without("lineage"), "the file lacks lineage"),
        (lambda found: {**found, "run": None}, "run is not an object"),
        (lambda found: {**found, "variants": {}}, "variants is not a list"),
        (lambda found: {**found, "variants": [3]}, "one of variants is not an object"),
        (
            lambda found: {**found, "run": {**found["run"], "wall_s": "long"}},
            "wall_s is not a number",
        ),
        (
            lambda found: {**found, "run": {**found["run"], "blessed": 1}},
            "blessed is not true or false",
        ),
        (_with_epoch({}), "an entry of history lacks its epoch"),
        (_with_epoch({"epoch": None}), "['epoch'] is not a number"),
        (_with_epoch({"epoch": 1, "loss": "low"}), "['loss'] is not a number"),
        (
            lambda found: {
                **found,
                "evaluation": {**found["evaluation"], "texts": ["one"]},
            },
            "texts has 1 rows but true_ids has 20",
        ),
    ],
)
def test_a_foreign_file_is_refused_with_the_place(
    results: Path, change: Callable[[dict[str, Any]], Any], complaint: str
) -> None:
    foreign = change(json.loads(results.read_text("utf-8")))
    results.write_text(json.dumps(foreign), encoding="utf-8")
    error = drawn(results).exception
    assert isinstance(error, DataError)
    assert complaint in str(error)
    assert not results.with_name("report.html").exists()
