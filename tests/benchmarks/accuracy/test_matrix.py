"""What is measured, and the command lines that measure it."""

import itertools
import shlex
from pathlib import Path

import pytest

from benchmarks.accuracy import matrix
from benchmarks.accuracy.matrix import VARIANTS, Cell, Encoder, cells, variants_named
from model.overrides import allowed_values
from pipeline.commands.run import run
from pipeline.config import SECTIONS, RunConfig
from pipeline.errors import SettingError
from tests.support.repository import ROOT

ENCODER = Encoder(folder=Path("/some/where"), name="mini")


def cell(variant: str, **changes: object) -> Cell:
    (found,) = variants_named([variant])
    values = {"dataset": "velora", "variant": found, "seed": 2, "encoder": ENCODER}
    return Cell(**{**values, **changes})


def options(found: Cell) -> list[str]:
    return found.arguments(Path("/the dir"))


def test_a_cell_is_the_products_own_command() -> None:
    chosen = cell("scratch", settings=("training.max_epochs=3",))
    assert chosen.folder_name.startswith("velora-scratch-2-")
    assert options(chosen) == [
        *("--data", str(ROOT / "data" / "velora")),
        *("--output", f"/the dir/{chosen.folder_name}", "--json"),
        *("--set", "training.seed=2", "--set", "training.max_epochs=3"),
    ]


def test_an_encoder_is_named_where_one_is_needed() -> None:
    assert "--pretrained /some/where" in " ".join(options(cell("lora")))
    assert "--pretrained" not in options(cell("scratch"))
    other = Encoder(folder=ENCODER.folder, name="other")
    assert cell("lora").key != cell("lora", encoder=other).key
    assert cell("scratch").key == cell("scratch", encoder=None).key


def test_a_student_learns_from_the_fine_tuned_of_the_same_data_and_seed() -> None:
    student = cell("student")
    teacher = student.teacher
    assert teacher is not None
    assert (teacher.dataset, teacher.seed) == ("velora", 2)
    words = options(student)
    assert words[words.index("--teacher") + 1] == f"/the dir/{teacher.folder_name}"


def test_no_two_cells_share_a_folder() -> None:
    found = list(cells(matrix.DATASETS, VARIANTS, [1, 2], ENCODER))
    assert len({each.folder_name for each in found}) == len(found)
    assert len({each.key for each in found}) == len(found)


def test_of_data_at_a_path_the_name_is_recorded_and_not_the_place(
    tmp_path: Path,
) -> None:
    found = cell("scratch", dataset=str(tmp_path / "mine.csv"))
    assert found.folder_name.startswith("mine.csv-scratch-2-")
    assert str(tmp_path) not in repr(found.key)


def test_seed_after_seed_and_what_has_none_once() -> None:
    found = list(cells(["velora"], variants_named(["linear", "scratch"]), [3, 4]))
    told = [(each.variant.name, each.seed) for each in found]
    assert told == [("linear", 0), ("scratch", 3), ("scratch", 4)]


def test_without_an_encoder_its_variants_are_left_out() -> None:
    found = [each.variant.name for each in cells(["velora"], VARIANTS, [1])]
    assert found == ["linear", "scratch"]


def test_an_unknown_variant_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingError, match="no variant 'bert'; there are linear, scr"):
        variants_named(["scratch", "bert"])


def test_data_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    assert matrix.find_data(str(tmp_path)) == tmp_path
    with pytest.raises(SettingError, match="no data set 'nothing'"):
        matrix.find_data("nothing")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.name)
def test_every_option_of_a_variant_is_one_of_the_products(
    variant: matrix.Variant, tmp_path: Path
) -> None:
    words = cell(variant.name).arguments(tmp_path)
    context = run.make_context("run", words)
    assert context.params["as_json"]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.name)
def test_every_setting_of_a_variant_is_one_of_the_products(
    variant: matrix.Variant,
) -> None:
    words = shlex.split(variant.options)
    keys = {
        value.partition("=")[0]
        for option, value in itertools.pairwise(words)
        if option == "--set"
    }
    assert keys <= allowed_values(RunConfig.of(), SECTIONS).keys()
