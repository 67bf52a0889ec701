"""Words that stand for nothing: what databases and tables write where a value lacks.

They are kept, for a label may be called `none`; but a class of them is seldom meant.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pipeline.data.notes import MAX_EXAMPLES, Note, rows_told, visible

# In any case; `\N` is MySQL's and PostgreSQL's.
_SURE = ("\\N", "NULL", "(null)", "NaN", "<NA>", "#N/A", "NaT", "undefined")
_AS_LABELS = {word.casefold() for word in (*_SURE, "None", "nil", "NA", "N/A")}
_ADVICE = (
    "Each is taken as it is written. If it means that there is none, leave the field "
    "empty: then its rows are dropped and counted."
)


def notes_on_labels(
    counts: Mapping[str, int], place: Callable[[str], str]
) -> list[Note]:
    """Says which labels may stand for nothing.

    `counts` has the rows of every label; `place` says where its first one stands.
    """
    found = [label for label in sorted(counts) if label.casefold() in _AS_LABELS]
    return _noted(
        "labels that may stand for a missing value",
        len(found),
        ((label, counts[label], place(label)) for label in found[:MAX_EXAMPLES]),
    )


def notes_on_texts(
    keys: Mapping[str, int],
    repeats: Mapping[int, Sequence[int]],
    place: Callable[[int], str],
) -> list[Note]:
    """Says which texts may stand for nothing.

    Args:
        keys: Normalised texts, and the position of their first row.
        repeats: The position of a first row, and those of the others with its text.
        place: Says where the row at a position stands, such as `mine.csv:7`.
    """
    found = [(word, keys[key]) for word in _SURE if (key := word.casefold()) in keys]
    rows = {word: 1 + len(repeats.get(first, ())) for word, first in found}
    return _noted(
        "rows whose text may stand for a missing value",
        sum(rows.values()),
        ((word, rows[word], place(first)) for word, first in found),
    )


def _noted(
    what: str, count: int, examples: Iterable[tuple[str, int, str]]
) -> list[Note]:
    told = tuple(
        f"{visible(value)} ({rows_told(rows)}, first {where})"
        for value, rows, where in examples
    )
    return [Note(what=what, count=count, examples=told, advice=_ADVICE)] * bool(count)
