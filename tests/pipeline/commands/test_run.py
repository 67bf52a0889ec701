"""`ktp run`: what it asks for, and what it says in the end."""

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.run import run
from pipeline.errors import RunError, SettingError
from pipeline.run import execute
from pipeline.run.execute import Request, Summary

PUSHED = Summary(
    accuracy=0.91,
    test_accuracy=0.905,
    macro_f1=0.8765,
    wall_s=61.24,
    train_s=30.0,
    saved_model="/out/serving_model/17",
    tflite="/out/edge/17/model.tflite",
    report="/out/report.html",
    blessed=True,
)
REFUSED = dataclasses.replace(
    PUSHED,
    saved_model=None,
    tflite=None,
    blessed=False,
    refusals=("test accuracy: at least 0.95, ", "model server: too slow"),
)


class FakeExecute:
    """Stands for the pipeline: keeps the request and gives a summary."""

    def __init__(self) -> None:
        self.summary = PUSHED
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Summary:
        self.requests.append(request)
        return self.summary


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakeExecute:
    fake = FakeExecute()
    monkeypatch.setattr(execute, "execute", fake)
    return fake


def ran(*options: str) -> Result:
    return CliRunner().invoke(run, ["--data", "colours.csv", *options])


def test_what_the_tuner_chose_ends_as_options(pipeline: FakeExecute) -> None:
    pipeline.summary = dataclasses.replace(
        PUSHED, best_settings=("training.learning_rate=0.002", "model.dropout=0.1")
    )
    answer = ran("--tune", "4", "--set", "training.max_epochs=2")
    lines = [line.strip() for line in answer.stdout.splitlines()]
    assert "--set training.learning_rate=0.002" in lines
    assert "--set model.dropout=0.1" in lines
    config = pipeline.requests[0].config
    assert config.tuner.trials == 4
    assert config.not_searched == ("training.max_epochs", "tuner.trials")


def test_without_options_the_preset_and_the_folder_are_the_usual_ones(
    pipeline: FakeExecute,
) -> None:
    assert ran().exit_code == 0
    (request,) = pipeline.requests
    assert request.data_path == Path("colours.csv")
    assert request.output_dir == Path("runs/colours")
    assert request.config.preset == "small"
    assert not request.as_json


def test_the_folder_is_named_after_the_data_without_its_suffixes(
    pipeline: FakeExecute,
) -> None:
    CliRunner().invoke(run, ["--data", "in/banking.csv.gz"])
    assert pipeline.requests[0].output_dir == Path("runs/banking")


@pytest.mark.parametrize(
    ("data", "folder"),
    [
        (".", "my-data"),
        ("./", "my-data"),
        ("..", "above"),
        ("/", "data"),
        ("sub/", "sub"),
        ("sub/..", "my-data"),
        ("v1.2", "v1-2"),
        (".hidden.csv", "hidden"),
        ("sub/train.csv.gz", "train"),
        ("a[1]*?{b} #%.csv", "a-1-b"),
        ("'quoted\nline'.csv", "quoted-line"),
        ("Größe 漢字.csv", "Größe-漢字"),
        ("...", "data"),
        ("-x.csv", "x"),
        ("x" * 300, "x" * 100),
    ],
)
def test_the_folder_has_a_sane_name_whatever_the_data_is_called(
    pipeline: FakeExecute,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    folder: str,
) -> None:
    here = tmp_path / "above" / "my data"
    for name in ("sub", "v1.2"):
        (here / name).mkdir(parents=True)
    monkeypatch.chdir(here)
    result = CliRunner().invoke(run, [f"--data={data}"])
    assert result.exit_code == 0, result.exception
    assert pipeline.requests[0].output_dir == Path("runs") / folder


@pytest.mark.parametrize("option", ["--data", "--output", "--teacher", "--unlabelled"])
def test_an_empty_place_is_not_the_working_directory(
    pipeline: FakeExecute, option: str
) -> None:
    error = ran(option, "").exception
    assert isinstance(error, SettingError)
    assert f"{option} is empty" in str(error)
    assert not pipeline.requests


def test_a_place_is_printed_as_it_is_and_changes_no_terminal(
    pipeline: FakeExecute,
) -> None:
    names = {"report": "/[red]/a[/b]/r", "tflite": "/\x1b[2J\n\udcff/m"}
    pipeline.summary = dataclasses.replace(PUSHED, **names)
    told = ran()
    assert told.exit_code == 0, told.exception
    assert "/[red]/a[/b]/r" in told.output
    assert "/\\x1b[2J\\n\\xff/m" in told.output


def test_options_reach_the_settings(pipeline: FakeExecute) -> None:
    ran(
        *("--preset", "tiny", "--output", "elsewhere"),
        *("--set", "training.max_epochs=7", "--set", "export.top_k=2"),
        *("--text-column", "body", "--label-column", "topic"),
    )
    (request,) = pipeline.requests
    assert request.output_dir == Path("elsewhere")
    assert request.config.preset == "tiny"
    assert request.config.training.max_epochs == 7
    assert request.config.export.top_k == 2
    assert request.config.data.text_column == "body"
    assert request.config.data.label_column == "topic"


def test_a_column_given_by_its_option_wins_over_set(pipeline: FakeExecute) -> None:
    ran("--set", "data.text_column=one", "--text-column", "other")
    assert pipeline.requests[0].config.data.text_column == "other"


def test_a_wrong_setting_starts_nothing(pipeline: FakeExecute) -> None:
    assert isinstance(ran("--preset", "huge").exception, SettingError)
    assert not pipeline.requests


def test_the_end_names_every_number_and_place(pipeline: FakeExecute) -> None:
    told = ran().output
    for fact in ("90.50%", "0.8765", "91.00%", "30 s", "61.2 s"):
        assert fact in told
    for place in (PUSHED.saved_model, PUSHED.tflite, PUSHED.report):
        assert str(place) in told
    assert "Nothing changed" not in told


def test_macro_f1_says_over_which_labels_it_is(pipeline: FakeExecute) -> None:
    pipeline.summary = dataclasses.replace(
        PUSHED,
        measured_labels=75,
        unmeasured_labels=("space [x]", "re\u200bfund"),
        **{"linear_accuracy": 0.9, "linear_macro_f1": 0.9, "linear_s": 6.0},
    )
    told = " ".join(ran().output.split())
    assert (
        "macro F1 0.8765 over 75 of 77 labels; no test row, so not measured: "
        r"'space [x]', 're\u200bfund'; linear model 0.9000"
    ) in told
    assert json.loads(ran("--json").stdout)["unmeasured_labels"] == [
        "space [x]",
        "re\u200bfund",
    ]


def test_the_linear_model_stands_beside_the_numbers_with_advice_below(
    pipeline: FakeExecute,
) -> None:
    pipeline.summary = dataclasses.replace(
        PUSHED,
        linear_accuracy=0.9123,
        linear_macro_f1=0.8901,
        linear_s=6.4,
        linear_note="[few] rows",
        advice="Level with [it].",
    )
    told = ran().output.splitlines()
    for line in (
        "  test accuracy        90.50%       linear model 91.23%; [few] rows",
        "  macro F1             0.8765       linear model 0.8901",
        "  training             30 s         linear model 6 s",
        "  Level with [it].",
    ):
        assert line in told
    assert json.loads(ran("--json").stdout)["linear_accuracy"] == 0.9123


def test_an_unchanged_run_says_so(pipeline: FakeExecute) -> None:
    pipeline.summary = dataclasses.replace(PUSHED, unchanged=True)
    assert ran().output.startswith("Nothing changed since this was last run")


def test_json_is_the_only_line_on_stdout(pipeline: FakeExecute) -> None:
    answer = ran("--json")
    assert json.loads(answer.stdout) == json.loads(
        json.dumps(dataclasses.asdict(PUSHED))
    )
    assert pipeline.requests[0].as_json
    assert "90.50%" in answer.stderr


def test_a_device_file_that_was_left_out_is_named_with_its_bound(
    pipeline: FakeExecute,
) -> None:
    refusal = "model_int8.tflite agreement: at least 0.9950, 0.9911"
    pipeline.summary = dataclasses.replace(PUSHED, refusals=(refusal,))
    answer = ran()
    assert answer.exit_code == 0
    assert f"left out             {refusal}" in answer.output


def test_a_refused_model_ends_with_what_refused_it(pipeline: FakeExecute) -> None:
    pipeline.summary = REFUSED
    answer = ran("--json")
    assert isinstance(answer.exception, RunError)
    assert "at least 0.95, ; model server: too slow" in str(answer.exception)
    assert answer.stderr.count("not pushed") == 2
    assert json.loads(answer.stdout)["saved_model"] is None


@pytest.fixture
def teacher_run(tmp_path: Path) -> Path:
    """The output folder of a run that pushed two versions."""
    for version in ("1", "2"):
        folder = tmp_path / "large" / "serving_model" / version
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").write_text("graph")
    return tmp_path / "large"


def test_a_student_has_its_teacher_and_a_folder_of_its_own(
    pipeline: FakeExecute, teacher_run: Path
) -> None:
    done = ran("--teacher", str(teacher_run), "--unlabelled", "more.txt")
    assert done.exit_code == 0, done.exception
    (request,) = pipeline.requests
    assert request.config.teacher.uri == str(teacher_run / "serving_model" / "2")
    assert request.unlabelled_path == Path("more.txt")
    assert request.output_dir == Path("runs/colours-student")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--unlabelled", "u.txt"], "there is none. Name the output folder"),
        (["--set", "distillation.weight=0.5"], "there is no teacher to learn from"),
        (["--teacher", "nothing-here"], "does not exist"),
        (["--teacher", "large", "--output", "large"], "would be its next version"),
    ],
)
def test_what_no_student_can_do_is_refused(
    pipeline: FakeExecute,
    teacher_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(teacher_run.parent)
    error = ran(*options).exception
    assert isinstance(error, SettingError)
    assert complaint in str(error)
    assert not pipeline.requests


def test_the_teacher_stands_beside_its_student(pipeline: FakeExecute) -> None:
    pipeline.summary = dataclasses.replace(PUSHED, teacher_accuracy=0.9375)
    done = ran("--json")
    assert json.loads(done.stdout)["teacher_accuracy"] == 0.9375
    assert "93.75%" in done.stderr
    pipeline.summary = PUSHED
    assert "teacher" not in ran().output
