"""Where tables and drawings go, and that the committed pages are up to date."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.accuracy import drawings
from benchmarks.accuracy.pages import BEGIN, END, between_markers, write_pages
from benchmarks.accuracy.records import RecordFile
from tests.support.benchmarks.accuracy_runs import record
from tests.support.repository import ROOT

PAGES = ("README.md", "docs/decisions/accuracy.md")
RECORDS = [
    record(dataset=name, variant=variant, seed=seed, accuracy=0.8 + seed / 100)
    for name in ("velora", "my/<data>")
    for variant in ("linear", "scratch")
    for seed in (1, 2)
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in PAGES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    return tmp_path


def test_tables_stand_between_the_markers_and_the_rest_stays(root: Path) -> None:
    written = write_pages(RECORDS, root)
    for name in PAGES:
        text = (root / name).read_text()
        assert text.startswith(f"before\n{BEGIN}\nTest accuracy in percent")
        assert text.endswith(f"\n{END}\nafter\n")
        assert "old" not in text
        assert root / name in written


def test_every_drawing_of_the_page_is_there_and_is_svg(root: Path) -> None:
    write_pages(RECORDS, root)
    page = root / PAGES[1]
    links = [line for line in page.read_text().splitlines() if line.startswith("![")]
    assert len(links) == 3
    for link in links:
        image = page.parent / link.partition("](")[2].rstrip(")")
        assert ET.parse(image).getroot().tag.endswith("svg")


def test_a_second_time_changes_nothing(root: Path) -> None:
    first = {path: path.read_bytes() for path in write_pages(RECORDS, root)}
    assert {path: path.read_bytes() for path in write_pages(RECORDS, root)} == first


def test_of_no_records_nothing_is_written(root: Path) -> None:
    assert write_pages([], root) == []
    assert "old" in (root / PAGES[0]).read_text()


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{END}"])
def test_a_page_without_both_markers_once_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="wanted once"):
        between_markers(page, "text")


def test_the_drawing_has_every_mean_its_spread_and_no_name_as_markup() -> None:
    text = drawings.overview(RECORDS)
    assert text.count("<circle") == 4
    assert text.count("81.5</text>") == 4
    assert "my/&lt;data&gt;" in text
    assert "<data>" not in text


def test_the_drawing_of_costs_has_amounts_from_zero() -> None:
    small = record(seed=1, trained_parameters=100, variant="linear")
    large = record(seed=1, trained_parameters=400)
    tree = ET.fromstring(drawings.costs([small, large], "velora"))
    bars = [float(e.get("width", 0)) for e in tree.iter() if e.get("class") == "bar"]
    assert bars[1] == pytest.approx(4 * bars[0], abs=0.5)


def test_what_is_committed_is_what_the_records_say(tmp_path: Path) -> None:
    records = RecordFile(ROOT / "docs/decisions/accuracy.jsonl").read()
    for name in PAGES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    for path in write_pages(records, tmp_path):
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text()
