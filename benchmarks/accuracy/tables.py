"""The tables in Markdown, long and short, from the records."""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.accuracy.matrix import OUT_OF_SCOPE
from benchmarks.accuracy.records import Record
from benchmarks.accuracy.summaries import (
    Figure,
    Summary,
    datasets_of,
    summaries,
    ways_of,
)
from model import contract
from pipeline.report import formats

_INT8, _FLOAT32 = contract.INT8_TFLITE, contract.FLOAT32_TFLITE
_SAVED_MODEL = "SavedModel"


def long_tables(records: Sequence[Record]) -> str:
    """Writes what the page of decisions shows: accuracy at a glance, then all else."""
    found = summaries(records)
    return "\n\n".join([_conditions(records), _overview(found), _details(found)])


def short_table(records: Sequence[Record]) -> str:
    """Writes what the README shows: a row for each data set.

    Of the ways of fine-tuning it is the plain one: the best would have been chosen on
    these very rows.
    """
    found = summaries(records)
    head = ["data", "linear model", "from scratch", "fine-tuned", "student"]
    rows = []
    for dataset in datasets_of(found):
        here = [each for each in found if each.dataset == dataset]
        rows.append(
            [
                _data_title(dataset),
                _best(each for each in here if each.way[0] == "linear"),
                _best((each for each in here if each.way[0] == "scratch"), costs=True),
                _best((each for each in here if each.way[0] == "full"), titled=True),
                _best((each for each in here if each.is_student), costs=True),
            ]
        )
    return "\n\n".join([_conditions(records), _table(head, rows)])


def _conditions(records: Sequence[Record]) -> str:
    """Says on what was measured, and how to read a cell."""
    machines = sorted(
        {
            f"{r.machine.get('cores')} cores of {r.machine.get('processor')}"
            for r in records
        }
    )
    return (
        "Test accuracy in percent, mean ± standard deviation (seeds); one number where "
        f"there was one seed. Measured by `make accuracy` on {', '.join(machines)}."
    )


def _overview(found: Sequence[Summary]) -> str:
    datasets = datasets_of(found)
    cells = {(each.way, each.dataset): each.headline for each in found}
    rows = []
    for way, title in ways_of(found).items():
        figures = [cells.get((way, dataset)) for dataset in datasets]
        rows.append([title, *(_percent(figure) for figure in figures)])
    return _table(["trained", *map(_data_title, datasets)], rows)


def _details(found: Sequence[Summary]) -> str:
    head = [
        *("data", "trained", "all test rows", "out-of-scope recall", "training"),
        *("all together", "peak memory", "weights trained", "SavedModel"),
        *("TFLite float32", "TFLite int8"),
    ]
    return _table(head, [_detail(each) for each in found], texts=2)


def _detail(each: Summary) -> list[str]:
    return [
        each.dataset,
        each.title,
        _percent(each.figure(lambda record: record.accuracy)),
        _percent(each.figure(lambda record: record.out_of_scope_recall)),
        _written(each.figure(lambda record: record.train_s), formats.duration),
        _written(each.figure(lambda record: record.wall_s), formats.duration),
        _written(each.figure(lambda r: r.peak_memory_bytes), formats.size),
        _written(each.figure(lambda r: r.trained_parameters or None), _whole),
        *(_file_size(each, name) for name in (_SAVED_MODEL, _FLOAT32, _INT8)),
    ]


def _best(
    candidates: Iterable[Summary], *, costs: bool = False, titled: bool = False
) -> str:
    """Writes the most accurate one, with what it costs or what it is."""
    best = max(candidates, key=lambda each: each.headline.mean, default=None)
    if best is None:
        return formats.DASH
    told = [_percent(best.headline)]
    if titled:
        told.append(best.records[0].pretrained)
    if costs:
        told.append(_written(best.figure(lambda r: r.train_s), formats.duration))
        told.append(f"{_file_size(best, _INT8)} int8")
    return ", ".join(told)


def _file_size(each: Summary, name: str) -> str:
    return _written(each.figure(lambda record: record.files.get(name)), formats.size)


def _percent(figure: Figure | None) -> str:
    return formats.DASH if figure is None else figure.percent()


def _written(figure: Figure | None, write: Callable[[float], str]) -> str:
    return formats.DASH if figure is None else write(figure.mean)


def _whole(value: float) -> str:
    return formats.count(round(value))


def _data_title(dataset: str) -> str:
    in_scope = ", in scope" if dataset in OUT_OF_SCOPE else ""
    return f"`{dataset}`{in_scope}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Writes a table, in which all columns but the first `texts` are numbers."""
    rule = ["---" if number < texts else "---:" for number in range(len(head))]
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    written = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([written[0], f"|{'|'.join(rule)}|", *written[1:]])
