"""What one run leaves behind, as plain data: written to JSON, drawn by the report."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from pipeline.data.notes import Note


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One threshold of the verdict, such as `accuracy`, 0.93, `at least 0.80`, passed.

    `value` is None when the metric could not be computed; `note` says why it matters
    or why it failed; `setting` is the one that holds the bound.
    """

    metric: str
    value: float | None
    bound: str
    passed: bool
    note: str = ""
    setting: str = ""

    @property
    def told(self) -> str:
        """Says value, bound and setting in one line, and why."""
        value = "not known" if self.value is None else f"{self.value:.6g}"
        setting = f" ({self.setting})" if self.setting else ""
        note = f": {self.note}" if self.note else ""
        return f"{self.metric} is {value}, wanted {self.bound}{setting}{note}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What was run, and what became of it.

    `started_at` is ISO 8601. `pushed_version` is None when nothing was pushed.
    """

    title: str
    data_path: str
    output_dir: str
    preset: str
    started_at: str
    wall_s: float
    train_s: float
    command: str
    blessed: bool
    checks: tuple[Check, ...] = ()
    pushed_version: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharacterLengths:
    """Characters per text."""

    shortest: int
    median: float
    mean: float
    longest: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitData:
    """One split as it went into training or evaluation.

    `rows` counts what was kept, `dropped` what was not, by reason. `token_lengths[n]`
    is the number of texts of n tokens, start and end included.
    """

    name: str
    rows: int
    label_counts: Mapping[str, int]
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    token_lengths: tuple[int, ...] = ()
    characters: CharacterLengths | None = None

    def __post_init__(self) -> None:
        _coerce(self, "token_lengths", int)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The splits in the order in which they are shown, and what was found in them.

    `notes` are from reading the rows, `anomalies` ExampleValidator's.
    `unmeasured_labels` have no row in the test split.
    """

    splits: tuple[SplitData, ...]
    notes: tuple[Note, ...] = ()
    unmeasured_labels: tuple[str, ...] = ()
    anomalies: tuple[str, ...] = ()
    max_sequence_length: int | None = None
    vocabulary_size: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of the Tuner: what it was given, and what came of it.

    `accuracy` and `loss` are on the validation split; None where not measured. `end` is
    `finished`, `stopped` (it was worse than most half-way) or `failed`, for a `reason`.
    """

    settings: Mapping[str, Any]
    end: str
    accuracy: float | None
    loss: float | None
    seconds: float
    reason: str = ""
    is_best: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSummary:
    """How the weights came about.

    `history` has one mapping per epoch with `epoch` (counted from 1) and any of
    `loss`, `accuracy`, `val_loss`, `val_accuracy`. `trained_parameters` is None where
    all are, from scratch. `trials` came before it, if there was a Tuner.
    """

    history: tuple[Mapping[str, float], ...]
    best_epoch: int | None
    parameters: int
    trained_parameters: int | None = None
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    trials: tuple[Trial, ...] = ()

    def __post_init__(self) -> None:
        if not all("epoch" in epoch for epoch in self.history):
            raise ValueError("an entry of history lacks its epoch")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Teacher:
    """The model that this one learnt from, too.

    `accuracy` is on this run's test split, `rows` counts what it scored, by split.
    """

    uri: str
    version: str
    digest: str
    accuracy: float
    rows: Mapping[str, int]
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveModel:
    """The model that was live when this run began, on this run's test split."""

    version: str
    accuracy: float
    macro_f1: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A linear model that learnt from the same train split, on this test split.

    `note` says what it left out, or why it learnt nothing.
    """

    accuracy: float
    macro_f1: float
    seconds: float
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the exported temperature does to the scores, on the test split of N rows.

    `error_…` is the mean distance of confidence and accuracy (ECE), `log_loss_…` the
    mean negative log-likelihood; before it and with it. `confidences_before` are N.
    """

    temperature: float
    error_before: float
    error_after: float
    log_loss_before: float
    log_loss_after: float
    confidences_before: tuple[float, ...]

    def __post_init__(self) -> None:
        _coerce(self, "confidences_before", float)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rejection:
    """When the exported models answer "none of these".

    Where the confidence is below `threshold`, or the answer is `label`.
    """

    threshold: float
    label: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Every answer of the served model on the test split of N rows.

    Sequences and numpy arrays of length N are taken alike. `confidences` are the
    scores of the predicted class. `top_ids`, if given, holds the best K class ids per
    row, best first; then the report shows top-K accuracy.

    Raises:
        ValueError: lengths differ, or an id is not a class.
    """

    labels: tuple[str, ...]
    true_ids: tuple[int, ...]
    predicted_ids: tuple[int, ...]
    confidences: tuple[float, ...]
    texts: tuple[str, ...]
    top_ids: tuple[tuple[int, ...], ...] = ()
    live: LiveModel | None = None
    linear: LinearModel | None = None
    calibration: Calibration | None = None
    rejection: Rejection | None = None

    def __post_init__(self) -> None:
        for name, kind in (
            ("labels", str),
            ("true_ids", int),
            ("predicted_ids", int),
            ("confidences", float),
            ("texts", str),
            ("top_ids", lambda row: tuple(map(int, row))),
        ):
            _coerce(self, name, kind)
        self._check_lengths()
        self._check_ids()

    def _check_lengths(self) -> None:
        rows = len(self.true_ids)
        for name in ("predicted_ids", "confidences", "texts", "top_ids"):
            length = len(getattr(self, name))
            if length != rows and not (name == "top_ids" and length == 0):
                raise ValueError(
                    f"{name} has {length} rows but true_ids has {rows}; "
                    "give one value per row of the test split."
                )

    def _check_ids(self) -> None:
        for name in ("true_ids", "predicted_ids"):
            for class_id in set(getattr(self, name)):
                if not 0 <= class_id < len(self.labels):
                    raise ValueError(
                        f"{name} holds {class_id}, but there are {len(self.labels)} "
                        f"labels; ids go from 0 to {len(self.labels) - 1}."
                    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """One exported file, measured in one runtime; None where not measured.

    `agreement` is the share of test rows with the SavedModel's answer,
    `max_score_difference` the largest distance from one of its scores;
    `calibration_error` is the mean distance of confidence and accuracy.
    """

    name: str
    path: str
    size_bytes: int
    runtime: str
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    accuracy: float | None = None
    agreement: float | None = None
    max_score_difference: float | None = None
    calibration_error: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeTiming:
    """How long one pipeline node took; `cached` nodes reused an earlier result."""

    name: str
    seconds: float
    cached: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lineage:
    """What to hold against another run: data, code, versions, and the time per node."""

    data_sha256: str
    code_fingerprint: str
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    git_commit: str | None = None
    pretrained: str | None = None
    """Folder, or name and commit, of the encoder that the training began with."""
    pretrained_sha256: str | None = None
    nodes: tuple[NodeTiming, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResults:
    """All that the report shows. Survives `from_json(to_json())` unchanged."""

    run: RunInfo
    data: DataSummary
    training: TrainingSummary
    evaluation: Evaluation
    variants: tuple[Variant, ...]
    lineage: Lineage
    teacher: Teacher | None = None

    def to_json(self) -> str:
        """Writes one JSON object; texts stay readable."""
        plain = dataclasses.asdict(self)
        return json.dumps(plain, ensure_ascii=False, default=_plain_number)

    @classmethod
    def from_json(cls, text: str) -> "RunResults":
        """Reads what `to_json` wrote.

        Raises:
            TypeError: A key is unknown or missing, or a value is of another type.
            ValueError: This is not JSON, or the numbers do not fit together.
        """
        return _decode("the file", cls, json.loads(text))


def _plain_number(value: object) -> float | int | bool:
    """Turns scalars of numpy, which histories are full of, into those of Python."""
    if not hasattr(value, "item"):
        raise TypeError(
            f"{value!r} of type {type(value).__name__} cannot be written as JSON; "
            "use text, numbers, lists or mappings."
        )
    return value.item()


def _coerce(instance: object, name: str, kind: Any) -> None:
    value = tuple(kind(item) for item in getattr(instance, name))
    object.__setattr__(instance, name, value)


_JSON_TYPES: dict[Any, tuple[Any, str]] = {
    str: (str, "text"),
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    tuple: (list, "a list"),
}
"""Type of a field -> what `json.loads` gives for it; an object for all others."""


def _decode(name: str, kind: Any, value: Any) -> Any:
    """Turns JSON's lists and objects back into what the annotation `kind` asks for."""
    if isinstance(kind, types.UnionType):
        if value is None:
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    origin = typing.get_origin(kind) or kind
    wanted, described = _JSON_TYPES.get(origin, (dict, "an object"))
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is not {described}")
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        _check_keys(name, kind, value)
        hints = typing.get_type_hints(kind)
        return kind(**{key: _decode(key, hints[key], value[key]) for key in value})
    if origin is tuple:
        item_kind = typing.get_args(kind)[0]
        return tuple(_decode(f"one of {name}", item_kind, item) for item in value)
    if origin is Mapping:
        item_kind = typing.get_args(kind)[1]
        if item_kind is Any:
            return value
        return {k: _decode(f"{name}[{k!r}]", item_kind, v) for k, v in value.items()}
    return value


def _check_keys(name: str, kind: type, value: Mapping[str, Any]) -> None:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    needed = {
        key
        for key, field in fields.items()
        if field.default is field.default_factory is dataclasses.MISSING
    }
    for problem, keys in (
        ("lacks", needed - value.keys()),
        ("has unknown", value.keys() - fields),
    ):
        if keys:
            raise TypeError(f"{name} {problem} {', '.join(sorted(keys))}")
