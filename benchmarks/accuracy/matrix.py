"""What is measured: data sets, ways of training, seeds. A new way is one more line."""

import dataclasses
import hashlib
import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.config import Environment
from pipeline.data.public import resolve
from pipeline.errors import SettingError
from tests.support.repository import ROOT

OUT_OF_SCOPE = {"clinc150": "oos"}
"""Data set to the label of texts that belong to none of the others."""
DATASETS = ("velora", "banking77", "clinc150", "hwu64", "smsa-id", "sib200-21lang")
_BUNDLED = {"velora": ROOT / "data" / "velora"}
_PRETRAINED, _TEACHER = "{pretrained}", "{teacher}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """A way of training: what is added to `ktp run --data … --json`.

    `{pretrained}` stands for the folder of an encoder, `{teacher}` for the output of
    the variant `teacher` on the same data with the same seed. `has_seed` is False where
    every seed gives the same. `module` is run in place of `ktp run`.
    """

    name: str
    title: str
    options: str = ""
    teacher: str = ""
    has_seed: bool = True
    module: str = ""

    @property
    def needs_pretrained(self) -> bool:
        """Whether there must be an encoder to begin with."""
        return _PRETRAINED in self.options or bool(self.teacher)


_FINE_TUNED = f"--pretrained {_PRETRAINED}"
_ADAPTED = f"{_FINE_TUNED} --set adaptation.method="
VARIANTS = (
    Variant(
        name="linear",
        title="linear model",
        module="benchmarks.accuracy.linear",
        has_seed=False,
    ),
    Variant(name="scratch", title="from scratch"),
    Variant(name="full", title="fine-tuned, all weights", options=_FINE_TUNED),
    Variant(
        name="decay",
        title="all weights, lower layers slower",
        options=f"{_FINE_TUNED} --set adaptation.layer_decay=0.8",
    ),
    Variant(
        name="unfreeze",
        title="all weights, layer after layer",
        options=f"{_FINE_TUNED} --set adaptation.unfreeze_epochs=1",
    ),
    Variant(name="head", title="head only", options=f"{_ADAPTED}head"),
    Variant(
        name="feed_forward",
        title="feed-forward layers only",
        options=f"{_ADAPTED}feed_forward",
    ),
    Variant(
        name="prefix", title="prefixes in every layer", options=f"{_ADAPTED}prefix"
    ),
    Variant(name="prompt", title="prompt, all weights", options=f"{_ADAPTED}prompt"),
    Variant(
        name="prompt_tuning",
        title="prompt, its vectors only",
        options=f"{_ADAPTED}prompt_tuning",
    ),
    Variant(
        name="prompt_tuning_all",
        title="prompt, its vectors and all weights",
        options=f"{_ADAPTED}prompt_tuning --set adaptation.train_encoder=true",
    ),
    Variant(name="lora", title="LoRA", options=f"{_ADAPTED}lora"),
    Variant(
        name="student",
        title="student of the fine-tuned",
        options=f"--teacher {_TEACHER}",
        teacher="full",
    ),
)
_BY_NAME = {variant.name: variant for variant in VARIANTS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoder:
    """A pretrained encoder: where it is, and what it is called in the tables."""

    folder: Path
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One measurement.

    `dataset` is what `find_data` takes; `settings` are `key=value`, on top of the
    variant's.
    """

    dataset: str
    variant: Variant
    seed: int
    settings: tuple[str, ...] = ()
    encoder: Encoder | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it another measurement than the others."""
        return (
            *(self.dataset_name, self.variant.name, self.variant.options, self.seed),
            *(self.settings, self.encoder_name),
        )

    @property
    def dataset_name(self) -> str:
        """Name of the data set: of a path its last part, for records are committed."""
        return Path(self.dataset).name

    @property
    def encoder_name(self) -> str:
        """Name of the encoder, if it takes one."""
        needed = self.encoder if self.variant.needs_pretrained else None
        return needed.name if needed else ""

    @property
    def folder_name(self) -> str:
        """Where below the working folder it is run; another one for every key."""
        digest = hashlib.sha256(repr(self.key).encode()).hexdigest()[:8]
        return f"{self.dataset_name}-{self.variant.name}-{self.seed}-{digest}"

    @property
    def teacher(self) -> "Cell | None":
        """The measurement whose model it learns from."""
        if not self.variant.teacher:
            return None
        return dataclasses.replace(self, variant=_BY_NAME[self.variant.teacher])

    def arguments(self, work_dir: Path) -> list[str]:
        """Gives what stands behind the program."""
        places = {
            "pretrained": str(self.encoder.folder) if self.encoder else "",
            "teacher": str(work_dir / self.teacher.folder_name) if self.teacher else "",
        }
        seed = (f"training.seed={self.seed}",) if self.variant.has_seed else ()
        chosen = [("--set", text) for text in (*seed, *self.settings)]
        return [
            *("--data", str(find_data(self.dataset))),
            *("--output", str(work_dir / self.folder_name), "--json"),
            *(word.format(**places) for word in shlex.split(self.variant.options)),
            *itertools.chain.from_iterable(chosen),
        ]


def cells(
    datasets: Sequence[str],
    variants: Sequence[Variant],
    seeds: Sequence[int],
    encoder: Encoder | None = None,
    settings: Sequence[str] = (),
) -> Iterator[Cell]:
    """Lists all measurements, seed after seed, so that early on there is one of each.

    Without an encoder, variants that need one are left out.
    """
    for seed, dataset, variant in itertools.product(seeds, datasets, variants):
        if variant.needs_pretrained and encoder is None:
            continue
        if not variant.has_seed and seed != seeds[0]:
            continue
        yield Cell(
            dataset=dataset,
            variant=variant,
            seed=seed if variant.has_seed else 0,
            settings=tuple(settings) if variant.has_seed else (),
            encoder=encoder,
        )


def variants_named(names: Sequence[str]) -> list[Variant]:
    """Finds variants by name.

    Raises:
        SettingError: There is none of one of the names.
    """
    unknown = sorted(set(names) - _BY_NAME.keys())
    if unknown:
        raise SettingError(
            f"There is no variant {unknown[0]!r}; there are {', '.join(_BY_NAME)}."
        )
    return [_BY_NAME[name] for name in names]


def is_taught_from(variant: Variant) -> bool:
    """Whether another variant learns from the model of this one."""
    return any(other.teacher == variant.name for other in VARIANTS)


def find_data(dataset: str) -> Path:
    """Finds a data set that is bundled, below `KTP_DATASETS`, fetched, or a path.

    Raises:
        UserError: It is none of these.
    """
    environment = Environment.from_env()
    if dataset in _BUNDLED:
        return _BUNDLED[dataset]
    if environment.datasets_dir and (environment.datasets_dir / dataset).is_dir():
        return environment.datasets_dir / dataset
    found = resolve(dataset, environment)
    if not found.exists():
        raise SettingError(
            f"There is no data set {dataset!r}: no such path, no folder of that name "
            "in the one of KTP_DATASETS, and no public data set (ktp data list)."
        )
    return found
