"""Which labels can be learnt, and which of them can be measured."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from model import contract
from pipeline.data import look_alikes
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset
from pipeline.data.notes import MAX_EXAMPLES, Note, rows_told, visible
from pipeline.errors import DataError

_NAMED_LABELS = 5
_MOST_MISTYPED = 1_000
"""More labels are no slips of the hand but another column, and to compare them all with
each other would take longer than to read the file."""
_HELD_OUT = (contract.VALIDATION, contract.TEST)


def check(dataset: Dataset, config: DataConfig, place: Callable[[str], str]) -> None:
    """Refuses data of which a classifier cannot be learnt, or not be measured.

    `place` says where the first row of a label stands, such as `mine.csv:7`.

    Raises:
        DataError: One label only, too few rows of one, a split without rows, with
            labels that train does not have, or a test of one label.
    """
    counts = dataset.label_counts(contract.TRAIN)
    if len(counts) < 2:
        raise DataError(
            f"{dataset.source} has one label only, {visible(next(iter(counts)))}. A "
            "classifier needs at least two."
        )
    _check_rows_to_learn_from(dataset, config, place)
    for split in _HELD_OUT:
        _check_held_out(dataset, split, config, place)
    _check_test_labels(dataset, config)


def notes(dataset: Dataset, config: DataConfig) -> list[Note]:
    """Says which labels have no row in the test, and which none in validation."""
    return [
        note
        for note in (
            _unmeasured_note(dataset, config),
            _without_validation_note(dataset),
        )
        if note.count
    ]


def _check_rows_to_learn_from(
    dataset: Dataset, config: DataConfig, place: Callable[[str], str]
) -> None:
    counts, least = dataset.label_counts(contract.TRAIN), config.min_rows_per_label
    rare = [label for label in sorted(counts) if counts[label] < least]
    if rare:
        raise DataError(
            f"{dataset.source}: {_named(rare)} with fewer than {least} rows to learn "
            f"from{_look_alike_hint(rare, counts)}. The first one is that of "
            f"{place(rare[0])}.{_swapped_hint(counts)} Add rows, "
            "remove the label, or accept "
            f"it with --set data.min_rows_per_label={min(counts.values())}."
        )


def _check_held_out(
    dataset: Dataset, split: str, config: DataConfig, place: Callable[[str], str]
) -> None:
    counts = dataset.label_counts(contract.TRAIN)
    if not dataset.splits[split]:
        raise DataError(
            f"{dataset.source}: no row is left for the {split} split. "
            f"data.min_rows_per_label ({config.min_rows_per_label}) rows of each "
            f"label stay in train, and data.{split}_fraction "
            f"({getattr(config, f'{split}_fraction')}) of all rows is taken. Give more "
            f"rows, a {split} file, or a larger data.{split}_fraction."
        )
    unknown = [label for label in dataset.labels_of(split) if label not in counts]
    if unknown:
        raise DataError(
            f"{dataset.source}: {_named(unknown)} in the {split} split that the "
            f"train split does not have{_look_alike_hint(unknown, counts)}. The first "
            f"one is that of {place(unknown[0])}. Add train rows for it, or remove it."
        )


def _check_test_labels(dataset: Dataset, config: DataConfig) -> None:
    labels = dataset.labels_of(contract.TEST)
    if len(labels) > 1:
        return
    raise DataError(
        f"{dataset.source}: all {len(dataset.splits[contract.TEST]):,} rows of the "
        f"test split have one label, {visible(labels[0])}: a model that always says it "
        "would look perfect. Give test rows of at least two labels; without a test "
        f"file a label needs {config.min_rows_per_label + 1} rows for that "
        f"(data.min_rows_per_label, {config.min_rows_per_label}, stay in train)."
    )


def _unmeasured_note(dataset: Dataset, config: DataConfig) -> Note:
    counts = dataset.label_counts(contract.TRAIN)
    unmeasured = dataset.unmeasured_labels
    return Note(
        what="labels without a test row, which nothing measures",
        count=len(unmeasured),
        examples=_with_rows(unmeasured, counts),
        advice="Macro F1 and the table of labels say nothing about them. Give them "
        f"more rows (from {config.min_rows_per_label + 1} on a label can have a test "
        "row), test rows of their own, or a larger data.test_fraction.",
    )


def _without_validation_note(dataset: Dataset) -> Note:
    counts = dataset.label_counts(contract.TRAIN)
    known = {*dataset.labels_of(contract.VALIDATION)}
    missing = [label for label in dataset.labels if label not in known]
    return Note(
        what="labels without a validation row",
        count=len(missing),
        examples=_with_rows(missing, counts),
        advice="The best epoch is chosen without them. More rows, or a larger "
        "data.validation_fraction, help.",
    )


def _with_rows(labels: Sequence[str], counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{visible(label)} ({rows_told(counts[label])} in train)"
        for label in labels[:MAX_EXAMPLES]
    )


def _named(labels: Iterable[str]) -> str:
    labels = list(labels)
    shown = ", ".join(map(visible, labels[:_NAMED_LABELS]))
    left = len(labels) - _NAMED_LABELS
    more = f" and {left:,} more" if left > 0 else ""
    return f"{len(labels):,} label{'s' * (len(labels) > 1)} ({shown}{more})"


def _swapped_hint(counts: Mapping[str, int]) -> str:
    if 2 * len(counts) <= sum(counts.values()):
        return ""
    return (
        " Most rows have a label of their own: are --text-column and --label-column "
        "the right ones?"
    )


def _look_alike_hint(labels: Sequence[str], others: Iterable[str]) -> str:
    """Names the labels that were perhaps meant; empty if there are none."""
    if len(labels) > _MOST_MISTYPED:
        return ""
    wanted = set(labels)
    alike = [
        group
        for group in look_alikes.groups({*labels, *others})
        if not wanted.isdisjoint(group)
    ]
    if not alike:
        return ""
    return "; these look alike: " + "; ".join(
        look_alikes.told(group) for group in alike[:_NAMED_LABELS]
    )
