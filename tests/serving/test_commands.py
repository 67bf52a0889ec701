"""`ktp serve` and `ktp predict`, as a person uses them."""

import json
import pathlib
import signal
import subprocess
import sys

import click.testing
import pytest

from model import contract
from serving.serve_command import serve
from serving.predict_command import predict
from tests.serving.fakes import FakeServer, free_port
from tests.serving.test_launch import ROOT, _program


def _run(command: click.Command, *arguments: str, stdin: str = "") -> tuple[int, str]:
    result = click.testing.CliRunner().invoke(command, arguments, input=stdin)
    return result.exit_code, result.output


@pytest.mark.parametrize("over", ["grpc", "rest"])
def test_predict_prints_one_json_object_per_text(
    fake_server: FakeServer, over: str
) -> None:
    arguments = ["--endpoint", fake_server.grpc_endpoint]
    if over == "rest":
        arguments = ["--rest", "--endpoint", fake_server.rest_endpoint]
    status, output = _run(predict, "ab", "größe", "--json", *arguments)
    first, second = map(json.loads, output.splitlines())
    assert status == 0
    assert (first["text"], first["label"]) == ("ab", "billing")
    assert first["scores"] == pytest.approx({"billing": 0.98, "returns": 0.02})
    assert second["text"] == "größe"


def test_predict_prints_a_table_and_keeps_brackets(fake_server: FakeServer) -> None:
    status, output = _run(predict, "[red]a", "--endpoint", fake_server.grpc_endpoint)
    assert status == 0
    assert "[red]a" in output
    assert "94.0%" in output


def test_predict_reads_lines_when_no_text_is_given(fake_server: FakeServer) -> None:
    endpoint = fake_server.grpc_endpoint
    _, output = _run(
        predict, "--json", "--endpoint", endpoint, stdin="one\n\ntwo words\n"
    )
    assert [json.loads(line)["text"] for line in output.splitlines()] == [
        "one",
        "two words",
    ]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--endpoint", "localhost"], "has no port; give HOST:PORT"),
        (
            ["--endpoint", f"localhost:{free_port()}", "--deadline-s", "0.2"],
            "Start one: ktp serve",
        ),
    ],
)
def test_predict_fails_with_one_message(arguments: list[str], message: str) -> None:
    status, output = _run(predict, "a", *arguments)
    assert status == 1
    assert output.startswith("Error: ")
    assert message in output


@pytest.mark.parametrize(
    "names, message",
    [
        ([], "Found: nothing."),
        (["logs"], "Found: logs. Train first: ktp run"),
        (["saved_model.pb"], "is itself a SavedModel"),
        ([contract.SERVING_DIR], "holds no version yet"),
    ],
)
def test_serve_says_what_it_found_instead_of_a_model(
    tmp_path: pathlib.Path, names: list[str], message: str
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    status, output = _run(serve, str(tmp_path))
    assert status == 1
    assert message in output


def test_serve_refuses_a_folder_that_is_not_there() -> None:
    status, output = _run(serve, "/nowhere/at/all")
    assert (status, "is no folder" in output) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_invites_to_ask_and_stops_on_a_signal(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    module = "tests.serving.fake_model_server"
    script = f'cd "{ROOT}" && exec "{sys.executable}" -m {module} "$@"'
    _program(tmp_path / "bin", "tensorflow_model_server", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / contract.SERVING_DIR / "1").mkdir(parents=True)
    port = free_port()
    command = "from serving.serve_command import serve; serve()"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", command, str(tmp_path)),
            *(f"--port={port}", "--rest-api-port=0", "--enable-batching"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(7)]
        process.send_signal(number)
        rest, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    output = "".join(lines)
    assert "Starting the tensorflow_model_server server" in output
    assert f'ktp predict "your text" --endpoint localhost:{port}' in output
    assert 'curl -d \'{"instances": ["your text"]}\' http://localhost:' in output
    assert (process.returncode, "Stopped." in rest) == (0, True)
