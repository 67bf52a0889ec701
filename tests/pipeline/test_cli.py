"""Each mistake ends in one message, a non-zero status and no traceback."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.errors import DataError, Terminated
from pipeline.run import execute


def _ktp(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out + captured.err


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [f"{word} number {n},{word}" for n in range(60) for word in ("red", "blue")]
    path = tmp_path / "colours.csv"
    path.write_text("\n".join(["text,label", *rows]))
    return path


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _ktp(capsys, "run", "--data", "nowhere.csv")
    assert status == 1
    assert told.startswith("Error: nowhere.csv does not exist.")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "huge"], "no preset 'huge'; there are tiny, small, base"),
        (["--set", "training.epochs=3"], "Did you mean 'training.max_epochs'?"),
        (["--set", "training.max_epochs"], "'training.max_epochs' is not KEY=VALUE"),
        (["--set", "training.max_epochs=many"], "'many'; allowed: a whole number"),
        (["--set", "model.hidden_dim=130"], "must be a multiple of model.num_heads"),
        (["--text-column", ""], "data.text_column is ''; allowed: a text"),
        (["--text-column", "body"], "no column 'body'; it has 'text', 'label'"),
        (["--output", "/dev/null/x"], "cannot be written to: Not a directory"),
    ],
)
def test_a_wrong_option_is_explained(
    capsys: pytest.CaptureFixture[str], data: Path, options: list[str], message: str
) -> None:
    status, told = _ktp(capsys, "run", "--data", str(data), *options)
    assert (status, message in told) == (1, True), told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "words",
    [
        ("edge", "predict", "a\x07\udcff.tflite", "x"),
        ("predict", "--endpoint", "a\x07b", "x"),
        ("serve", "a\x07b"),
    ],
)
def test_what_a_message_repeats_does_not_reach_the_terminal_raw(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    status, told = _ktp(capsys, *words)
    assert status == 1
    assert "\\x07" in told
    assert told.replace("\n", "").isprintable()


def test_an_unknown_command_ends_in_usage(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _ktp(capsys, "trian")
    assert status == 2
    assert "No such command 'trian'" in told


@pytest.mark.parametrize(
    "words",
    [
        ["--debug", "run", "--data", "nowhere.csv"],
        ["run", "--data", "nowhere.csv", "--debug"],
    ],
)
def test_debug_shows_the_traceback(words: list[str]) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        cli.main(words)


def test_a_text_may_be_called_debug() -> None:
    assert cli._without_debug(["predict", "--", "--debug"]) == (
        ["predict", "--", "--debug"],
        False,
    )


def test_an_unforeseen_error_has_no_traceback_either(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(execute, "execute", fail)
    status, told = _ktp(capsys, "run", "--data", str(data))
    assert status == 1
    assert "ZeroDivisionError: by accident" in told
    assert "--debug" in told
    assert "Traceback" not in told


def test_a_full_disk_is_two_lines_in_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/full/copy")

    monkeypatch.setattr(execute, "execute", fail)
    status, told = _ktp(capsys, "run", "--data", str(data))
    assert status == 1
    what, advice = told.strip().splitlines()
    assert "There is no room: [Errno 28]" in what
    assert "/full/copy" in what
    assert "TMPDIR" in advice


def test_an_end_by_a_signal_has_its_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    def fail(*_: object) -> None:
        raise Terminated(signal.SIGTERM)

    monkeypatch.setattr(execute, "execute", fail)
    status, told = _ktp(capsys, "run", "--data", str(data))
    assert status == 143
    assert "Interrupted. Nothing was pushed" in told


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = _ktp(capsys, "--help")
    for command in cli._COMMANDS:
        assert f"\n  {command} " in told


def test_start_up_imports_neither_tensorflow_nor_tfx() -> None:
    program = (
        "import sys; from pipeline import cli; from pipeline.commands import run; "
        "from serving.commands import predict, serve; "
        "print(sorted({'tensorflow', 'tfx', 'numpy'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def test_a_missing_extra_is_named_also_when_it_is_missed_late(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.delitem(sys.modules, "serving.client.over_grpc.transport", False)
    status, told = _ktp(capsys, "predict", "a text")
    assert status == 1
    assert "needs the module" in told
    assert "keras-transformer-pipeline[client]" in told


def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli._COMMANDS, "edge", "not_there_at_all:edge")
    status, told = _ktp(capsys, "edge", "predict", "m.tflite", "text", "--json")
    assert status == 1
    assert "keras-transformer-pipeline[edge]" in told
