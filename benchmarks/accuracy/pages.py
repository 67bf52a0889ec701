"""Where tables and drawings go: between two markers of a page, and beside it."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy import drawings, tables
from benchmarks.accuracy.records import Record
from benchmarks.accuracy.summaries import datasets_of, summaries
from pipeline.atomic_write import write_whole

BEGIN, END = "<!-- make accuracy: begin -->", "<!-- make accuracy: end -->"
_IMAGES = Path("docs") / "images"
_LONG, _SHORT = Path("docs") / "decisions" / "accuracy.md", Path("README.md")


def write_pages(records: Sequence[Record], root: Path) -> list[Path]:
    """Renders every table and drawing below `root`; nothing of no records.

    Raises:
        ValueError: A page lacks the markers.
    """
    if not records:
        return []
    images = root / _IMAGES
    images.mkdir(parents=True, exist_ok=True)
    names = {"accuracy.svg": drawings.overview(records)}
    for dataset in datasets_of(summaries(records)):
        file = f"accuracy-{Path(dataset).name}.svg"
        names[file] = drawings.costs(records, dataset)
    for name, text in names.items():
        write_whole(images / name, text)
    shown = [f"![{_alt(name)}](../images/{name})" for name in names]
    long = "\n\n".join([tables.long_tables(records), *shown])
    for path, text in ((_LONG, long), (_SHORT, tables.short_table(records))):
        _replace(root / path, text)
    return [root / _LONG, root / _SHORT, *(images / name for name in names)]


def between_markers(page: str, text: str) -> str:
    """Puts `text` in place of what stands between the markers.

    Raises:
        ValueError: They are not there, once each and in their order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise ValueError(f"wanted once, and in this order: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _replace(path: Path, text: str) -> None:
    try:
        page = between_markers(path.read_text("utf-8"), text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    write_whole(path, page)


def _alt(name: str) -> str:
    dataset = name.removeprefix("accuracy").removeprefix("-").removesuffix(".svg")
    if not dataset:
        return "Test accuracy of every way of training on every data set"
    return f"Accuracy, trained weights, seconds and memory on {dataset}"
