"""Settings of a run: what a person chooses, and what the pipeline is built from."""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from model import contract
from model.adaptation.config import AdaptationConfig
from model.config import (
    PRESETS,
    DistillationConfig,
    ModelConfig,
    ScoringConfig,
    TrainingConfig,
)
from model.overrides import apply_overrides
from model.pretrained.source import PretrainedSource
from model.settings import Settings, quoted, setting
from pipeline import cluster, fine_tuning
from pipeline.data.config import DataConfig
from pipeline.errors import SettingError
from pipeline.teacher import Teacher

DEFAULT_PRESET = "small"
PUSHER = "Pusher"
"""Id of the node that pushes the SavedModel and the device files."""
PUSHED_MODEL, PUSHED_EDGE_MODEL = "pushed_model", "pushed_edge_model"
"""Its outputs."""
MOST_TRIALS = 1000
_NAMED_LABELS = 5
_PIPELINE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SECTIONS = (
    "data",
    "text",
    "model",
    "training",
    "adaptation",
    "distillation",
    "tuner",
    "evaluation",
    "export",
)
"""The parts of a `RunConfig` that `--set` can change."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextConfig(Settings):
    """How text is cut: the tokeniser's specification, and what comes before it."""

    section = "text"

    tokenizer: contract.TokenizerSpec = contract.TokenizerSpec.MEDIAPIPE
    normalize_unicode: bool = True
    """Every kind of space ends a word, and accents are composed (NFC)."""
    lower_case: bool = True
    """This and the next two are for `bert`, as `contract.TokenizerConfig` has them."""
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(ScoringConfig):
    """When a model is good enough to be pushed.

    `min_accuracy` is on the test split; None asks for more than always answering the
    most frequent label would reach. `max_accuracy_drop` is against the live model,
    `min_gain_over_linear` against the linear model beside it; None asks for nothing.
    What comes from `ScoringConfig` is no bound: it says what the scores mean.
    """

    section = "evaluation"

    min_accuracy: float | None = setting(None, least=0, most=1)
    max_accuracy_drop: float = setting(0.01, least=0, most=1)
    min_gain_over_linear: float | None = setting(None, least=-1, most=1)
    min_device_agreement: float = setting(0.995, least=0, most=1)
    """Share of test rows on which a device file gives the SavedModel's label."""
    max_device_score_difference: float = setting(0.25, least=0, most=1)
    """Between a device file's score and the SavedModel's, of any row and label."""
    server_rows: int = setting(64, least=1, most=100_000)
    """Test rows that the model server must answer as the SavedModel did."""
    max_server_score_difference: float = setting(1e-3, least=0, most=1)

    @property
    def scoring(self) -> ScoringConfig:
        """What the trainer needs of it."""
        names = [field.name for field in dataclasses.fields(ScoringConfig)]
        return ScoringConfig(**{name: getattr(self, name) for name in names})

    def check_labels(self, validation_counts: Mapping[str, int]) -> None:
        """Refuses to reject by a label that no validation row has.

        Raises:
            SettingError: `reject_label` is none of them, or there is no other.
        """
        label, known = self.reject_label, sorted(validation_counts)
        if label is None or (label in known and known[1:]):
            return
        named = ", ".join(map(quoted, known[:_NAMED_LABELS]))
        if (more := len(known) - _NAMED_LABELS) > 0:
            named += f" and {more:,} more"
        raise SettingError(
            f"evaluation.reject_label is {quoted(label)}; the threshold is chosen on "
            "the validation rows, which must have that label and another, and they "
            f"have {named}. Without a label of that meaning set evaluation.reject, for "
            "example to 0.02."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Settings):
    """What the exported models look like. `top_k` labels per answer.

    Where there are fewer labels, the default gives them all.
    """

    section = "export"

    top_k: int = setting(5, least=1, most=1_000_000)

    def check_labels(self, count: int) -> None:
        """Refuses to promise more labels than there are.

        Raises:
            SettingError: Somebody chose more than `count`.
        """
        if self.top_k > count and self != ExportConfig():
            raise SettingError(
                f"export.top_k is {self.top_k}, and the data has {count} labels; "
                f"allowed: a whole number, 1 to {count}."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TunerConfig(Settings):
    """How many trainings look for better settings before the one that counts."""

    section = "tuner"

    trials: int = setting(0, least=0, most=MOST_TRIALS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that a person can set with `--preset` and `--set key=value`.

    With a `teacher` the model learns from that one's scores, too: `distillation`.
    `not_searched` are the keys of what was set, which a Tuner leaves alone; empty
    where none is asked for.
    """

    preset: str = DEFAULT_PRESET
    data: DataConfig = DataConfig()
    text: TextConfig = TextConfig()
    model: ModelConfig
    training: TrainingConfig
    adaptation: AdaptationConfig = AdaptationConfig()
    distillation: DistillationConfig = DistillationConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig = ExportConfig()
    teacher: Teacher | None = None
    pretrained: PretrainedSource | None = None
    tuner: TunerConfig = TunerConfig()
    not_searched: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        preset: str = DEFAULT_PRESET,
        overrides: Mapping[str, str] | None = None,
        data: DataConfig | None = None,
        teacher: Teacher | None = None,
    ) -> "RunConfig":
        """Takes a preset and changes single settings.

        Raises:
            SettingError: The preset, a key or a value is not allowed, or is about a
                teacher where there is none.
        """
        if preset not in PRESETS:
            raise SettingError(
                f"There is no preset {quoted(preset)}; there are {', '.join(PRESETS)}."
            )
        chosen = PRESETS[preset]
        config = cls(
            preset=preset,
            data=data or DataConfig(),
            model=chosen.model,
            training=chosen.training,
            teacher=teacher,
        )
        return config.changed(overrides or {})

    def changed(self, overrides: Mapping[str, str]) -> "RunConfig":
        """Changes single settings.

        Raises:
            SettingError: A key or a value is not allowed.
        """
        try:
            config = apply_overrides(self, overrides, sections=SECTIONS)
        except ValueError as error:
            raise SettingError(str(error)) from error
        if self.teacher is None:
            _require_no_distillation(overrides)
        config = dataclasses.replace(
            config,
            training=fine_tuning.with_own_rate(
                config.training, config.adaptation, overrides
            ),
        )
        if not config.tuner.trials:
            return config
        return dataclasses.replace(config, not_searched=tuple(sorted(overrides)))

    @property
    def tokenizer(self) -> contract.TokenizerConfig:
        """How text becomes token ids, in every process."""
        return contract.TokenizerConfig(
            spec=self.text.tokenizer,
            normalize_unicode=self.text.normalize_unicode,
            max_sequence_length=self.model.max_sequence_length,
            lower_case=self.text.lower_case,
            strip_accents=self.text.strip_accents,
            tokenize_chinese_chars=self.text.tokenize_chinese_chars,
        )

    def fingerprint(self) -> str:
        """Hashes all settings."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _require_no_distillation(overrides: Mapping[str, str]) -> None:
    section = f"{DistillationConfig.section}."
    chosen = [key for key in overrides if key.startswith(section)]
    if chosen:
        raise SettingError(
            f"{chosen[0]} is set, and there is no teacher to learn from. Name the "
            "output folder of an earlier run with --teacher, or leave the setting out."
        )


def name_problem(name: str) -> str:
    """Says why no orchestrator takes the name of a pipeline; empty where each does.

    Kubernetes puts it into labels and the names of pods.
    """
    if _PIPELINE_NAME.fullmatch(name):
        return ""
    return (
        f"The pipeline's name is {quoted(name)}; allowed: lower-case letters, digits "
        "and dashes, 1 to 63 of them, a letter or digit first and last, for example "
        "keras-transformer."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """What `create_pipeline` builds from: the settings, and where things are.

    `data_root` holds `<split>.tfrecord` files of normalised rows, and one of texts
    without a label where `has_unlabelled`. Or `data` is the place of a person's own
    file, and `unlabelled` that of texts without a label, for the first step to read;
    these, `serving_dir` and `edge_dir` are runtime parameters then. Without
    `metadata_path` the orchestrator brings its own metadata. With another
    `live_version` the model to beat is looked for again, with another `run_id` the
    pusher looks again whether both versions are in their places.
    """

    name: str
    run: RunConfig
    pipeline_root: str
    serving_dir: str
    edge_dir: str
    data_root: str = ""
    data: str = ""
    unlabelled: str = ""
    metadata_path: str | None = None
    checkpoint_root: str | None = None
    has_unlabelled: bool = False
    live_version: str = ""
    beam_pipeline_args: tuple[str, ...] = ()
    run_id: str = ""

    def __post_init__(self) -> None:
        if problem := name_problem(self.name):
            raise SettingError(problem)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """What the process environment says."""

    datasets_dir: Path | None = None
    cache_dir: Path
    cluster_variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Environment":
        """Reads `KTP_DATASETS`, `XDG_CACHE_HOME`, and who trains along."""
        environ = os.environ if environ is None else environ
        datasets = environ.get("KTP_DATASETS")
        cache = environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        return cls(
            datasets_dir=Path(datasets) if datasets else None,
            cache_dir=Path(cache) / "keras-transformer-pipeline",
            cluster_variables={
                name: environ[name] for name in cluster.VARIABLES if name in environ
            },
        )
