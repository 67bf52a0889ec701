"""`ktp predict`, as a person uses it."""

import json
import pathlib
import subprocess
import sys

import click.testing
import pytest

from serving.commands import output as prediction_output
from serving.commands.predict import BROKEN_PIPE, predict
from tests.support.repository import ROOT
from tests.support.serving.fakes import FakeServer, free_port
from tests.support.serving.stub_servers import StubRestServer


def _run(command: click.Command, *arguments: str, stdin: str = "") -> tuple[int, str]:
    result = click.testing.CliRunner().invoke(command, arguments, input=stdin)
    return result.exit_code, result.output


def _endpoint(server: FakeServer, over: str) -> list[str]:
    if over == "rest":
        return ["--rest", "--endpoint", server.rest_endpoint]
    return ["--endpoint", server.grpc_endpoint]


@pytest.mark.parametrize("over", ["grpc", "rest"])
def test_predict_prints_one_json_object_per_text(
    fake_server: FakeServer, over: str
) -> None:
    arguments = ["--json", *_endpoint(fake_server, over)]
    status, output = _run(predict, "ab", "größe", *arguments)
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


@pytest.mark.parametrize("over", ["grpc", "rest"])
def test_predict_reads_a_file_s_column_in_parts(
    fake_server: FakeServer, over: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "mails.csv"
    path.write_text("id,body\n" + "".join(f"{n},{'a' * n}\n" for n in range(1, 51)))
    options = ["--file", str(path), "--text-column", "body", "--json"]
    options += ["--max-rows-per-request", "7", *_endpoint(fake_server, over)]
    status, output = _run(predict, *options)
    answers = [json.loads(line) for line in output.splitlines()]
    assert status == 0
    assert [len(one["text"]) for one in answers] == list(range(1, 51))
    assert [round(one["scores"]["returns"] * 100) for one in answers] == list(
        range(1, 51)
    )


def test_a_long_table_comes_in_pieces(
    fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_output, "TABLE_ROWS", 2)
    _, output = _run(predict, "a", "b", "c", *_endpoint(fake_server, "grpc"))
    assert output.count("next best") == 2


@pytest.mark.parametrize("over", ["grpc", "rest"])
@pytest.mark.parametrize(
    "inputs, signature, answer",
    [
        ('{"x": [1, 3]}', "half", {"y": [0.5, 1.5]}),
        (
            '{"raw": ["ö", {"b64": "/w=="}]}',
            "echo",
            {"raw_bytes": ["ö", {"b64": "/w=="}]},
        ),
    ],
)
def test_predict_asks_any_signature_with_the_types_it_wants(
    fake_server: FakeServer,
    over: str,
    inputs: str,
    signature: str,
    answer: dict[str, object],
) -> None:
    asked = ["--inputs", inputs, "--signature", signature, "--json"]
    status, output = _run(predict, *asked, *_endpoint(fake_server, over))
    assert (status, json.loads(output)) == (0, answer)


def test_predict_sends_the_token_of_a_file_and_asks_the_labelled_version(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "token").write_text("t\n")
    with StubRestServer() as stub:
        options = ["--rest", "--endpoint", stub.endpoint, "--label", "canary"]
        _run(predict, "x", *options, "--token-file", str(tmp_path / "token"))
    assert stub.asked[0].headers["authorization"] == "Bearer t"
    assert "/labels/canary:predict" in stub.asked[0].path


def test_a_closed_pipe_is_no_error(fake_server: FakeServer) -> None:
    options = ["--json", *_endpoint(fake_server, "grpc")]
    code = f"from pipeline.cli import main; main({['predict', *options]!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"a\n")
    process.stdin.flush()
    # The answer comes although more lines may follow.
    assert json.loads(process.stdout.readline())["label"] == "billing"
    process.stdout.close()
    _, complaints = process.communicate(b"a\n" * 5000, timeout=30)
    assert (process.returncode, complaints) == (BROKEN_PIPE, b"")


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["a", "--inputs", "{}"], 2, "Give TEXT, --file or --inputs: one of them."),
        (["--inputs", "{"], 2, "--inputs is no JSON"),
        (["--inputs", "[1]"], 2, "give an object: name to value"),
        (["a", "--version", "1", "--label", "b"], 1, "both choose a version"),
        (["a", "--token-file", "/t", "--endpoint", "far:1"], 1, "unencrypted"),
        (["--file", "/nowhere"], 2, "does not exist"),
    ],
)
def test_predict_refuses_what_makes_no_sense(
    arguments: list[str], status: int, message: str
) -> None:
    found, output = _run(predict, *arguments)
    assert found == status
    assert message in output


def test_a_failing_part_names_its_lines(
    fake_server: FakeServer, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "a.txt").write_text("a\n" * 5)
    options = ["--file", str(tmp_path / "a.txt"), "--model-name", "nobody"]
    status, output = _run(predict, *options, *_endpoint(fake_server, "grpc"))
    assert status == 1
    assert "rows 0 to 4: the server has no such model" in output


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
