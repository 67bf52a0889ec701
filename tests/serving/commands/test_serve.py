"""`ktp serve`, as a person uses it."""

import pathlib
import signal
import subprocess
import sys

import click.testing
import pytest

from model import contract
from serving.commands.serve import serve
from serving.launch import from_options
from serving.launch.settings import EngineSettings
from serving.server.models.config import (
    ModelEntry,
    VersionPolicy,
    entries_to_text,
)
from tests.support.repository import ROOT
from tests.support.serving.fakes import free_port
from tests.support.serving.programs import program


def _run(*arguments: str) -> tuple[int, str]:
    result = click.testing.CliRunner().invoke(serve, arguments)
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A run's output with one version."""
    (tmp_path / contract.SERVING_DIR / "1").mkdir(parents=True)
    return tmp_path


def settings(*words: str) -> EngineSettings:
    """What the command makes of its words."""
    with serve.make_context("serve", list(words)) as context:
        return from_options.settings_from(context.params)


@pytest.mark.parametrize(
    "names, message",
    [
        ([], "Found: nothing."),
        (["logs"], "Found: logs. Train first: ktp run"),
        (["saved_model.pb"], "is itself a SavedModel"),
        ([contract.SERVING_DIR], "holds no version yet"),
    ],
)
def test_it_says_what_it_found_instead_of_a_model(
    tmp_path: pathlib.Path, names: list[str], message: str
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    status, output = _run(str(tmp_path))
    assert status == 1
    assert message in output


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "Give folders (DIR or NAME=DIR), or --config FILE"),
        (["/nowhere/at/all"], "is no folder"),
        (["DIR", "--versions", "newest"], "allowed: latest, latest:N, all"),
        (["DIR", "--label", "stable"], "write LABEL=VERSION"),
        (["DIR", "--flag", "prefer_tflite_model"], "write NAME=VALUE"),
        (["a=DIR", "a=DIR"], "Two models have one name: a"),
        (["a=DIR", "b=DIR", "--model-name", "c"], "NAME=DIR each"),
        (["a=DIR", "b=DIR", "--label", "x=1"], "--label needs one model"),
        (["DIR", "--tls-cert", __file__], "needs both --tls-cert and --tls-key"),
    ],
)
def test_words_that_do_not_fit_are_explained(
    folder: pathlib.Path, words: list[str], message: str
) -> None:
    status, output = _run(*(word.replace("DIR", str(folder)) for word in words))
    assert status == 1
    assert output.startswith("Error: ")
    assert message in output


def test_engines_are_chosen_by_the_names_of_their_programs(
    folder: pathlib.Path,
) -> None:
    status, output = _run(str(folder), "--engine", "embedded", "--print-config")
    assert (status, "# embedded server: as asked for" in output) == (0, True)
    assert "'auto', 'tensorflow_model_server', 'docker', 'embedded'" in _run(
        str(folder), "--engine", "nginx"
    )[1].replace("\n", " ")


def test_batching_and_metrics_are_on_unless_told_otherwise(
    folder: pathlib.Path,
) -> None:
    usual = settings(str(folder))
    assert usual.batching is not None
    assert usual.batching.batch_timeout_micros == 0
    assert usual.monitoring_path == "/monitoring/prometheus/metrics"
    bare = settings(str(folder), "--no-enable-batching", "--no-monitoring")
    assert (bare.batching, bare.monitoring_path) == (None, None)


def test_folders_have_names_versions_and_labels(folder: pathlib.Path) -> None:
    base_path = str(folder / contract.SERVING_DIR)
    several = settings(f"a={folder}", f"b={folder}", "--versions", "latest:2").models
    latest = VersionPolicy(latest=2)
    assert several == (
        ModelEntry(name="a", base_path=base_path, policy=latest),
        ModelEntry(name="b", base_path=base_path, policy=latest),
    )
    (one,) = settings(str(folder), "--versions=3,4", "--label", "stable=3").models
    assert (one.name, one.policy.specific) == (contract.MODEL_NAME, (3, 4))
    assert one.labels == {"stable": 3}


@pytest.mark.parametrize("above", ["", "./"])
def test_a_folder_may_have_an_equals_sign(
    above: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lr=0.1" / "1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (model,) = settings(f"{above}lr=0.1").models
    assert (model.name, model.base_path) == (contract.MODEL_NAME, "lr=0.1")


@pytest.mark.parametrize(
    "word, name",
    [("m=gs://bucket/models", "m"), ("gs://bucket/models", contract.MODEL_NAME)],
)
def test_a_uri_goes_to_the_server_as_it_is(word: str, name: str) -> None:
    (model,) = settings(word).models
    assert (model.name, model.base_path) == (name, "gs://bucket/models")


def test_a_config_file_is_passed_through(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "models.config"
    path.write_text(entries_to_text([ModelEntry(name="m", base_path="/models/m")]))
    given = settings("--config", str(path))
    assert given.flags.model_config_file == str(path)
    assert [model.name for model in given.models] == ["m"]
    status, output = _run("--config", str(path), "--label", "a=1")
    assert (status, "labels stand in" in output) == (1, True)


@pytest.mark.usefixtures("path_dir")
def test_print_config_shows_files_and_command_and_writes_them_where_told(
    folder: pathlib.Path,
) -> None:
    words = (str(folder), "--print-config", "--flag=grpc_max_threads=3")
    status, output = _run(*words)
    assert status == 0
    assert "# /etc/model-server/models.config\nmodel_config_list {" in output
    assert "# embedded server: no tensorflow_model_server on the PATH" in output
    assert output.endswith("--grpc_max_threads=3\n")
    target = folder / "files"
    _, output = _run(*words, "--log-dir", str(target))
    assert f"--model_config_file={target}/models.config" in output
    names = ["batching.config", "models.config", "monitoring.config"]
    assert sorted(path.name for path in target.iterdir()) == names


@pytest.mark.usefixtures("path_dir")
def test_print_config_keeps_the_private_key_to_itself(folder: pathlib.Path) -> None:
    pem = folder / "both.pem"
    pem.write_text("-----BEGIN PRIVATE KEY-----\nsecret\n")
    _, output = _run(
        str(folder), "--print-config", "--tls-cert", str(pem), "--tls-key", str(pem)
    )
    assert "not shown" in output
    assert "secret" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_invites_to_ask_and_stops_on_a_signal(
    folder: pathlib.Path, path_dir: pathlib.Path, number: signal.Signals
) -> None:
    module = "tests.support.serving.fake_model_server"
    script = f'cd "{ROOT}" && exec "{sys.executable}" -m {module} "$@"'
    program(path_dir, "tensorflow_model_server", script)
    port = free_port()
    command = "from serving.commands.serve import serve; serve()"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", command, str(folder)),
            *(f"--port={port}", "--rest-api-port=0"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        # A slow start says so in lines of its own; the curl command is the last.
        lines = [process.stdout.readline()]
        while lines[-1] and "curl " not in lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(number)
        rest, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    output = "".join(lines)
    assert output.startswith("Engine: tensorflow_model_server: it is at ")
    assert "Starting the tensorflow_model_server server" in output
    assert f'ktp predict "your text" --endpoint localhost:{port}' in output
    assert 'curl -d \'{"instances": ["your text"]}\' http://localhost:' in output
    assert (process.returncode, "Stopped." in rest) == (0, True)
