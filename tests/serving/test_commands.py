"""`ktp predict`, as a person uses it."""

import json

import click.testing
import pytest

from serving.predict_command import predict
from tests.serving.fakes import FakeServer, free_port


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
