"""`ktp predict`, as a person uses it."""

import gzip
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
    answers = [json.loads(line) for line in output.splitlines()]
    assert [(answer["row"], answer["text"]) for answer in answers] == [
        (1, "one"),
        (2, ""),
        (3, "two words"),
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


BAD_BYTE, SURROGATE = b"caf\xe9", b"\xed\xa0\x80"


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", b"id,text\n1,one\n2,\n3,%b\n4,last\n"),
        ("a.csv.gz", b"text\none\n\n%b\nlast"),
        ("a.tsv", b"text\tid\none\t1\n\t2\n%b\t3\nlast\t4\n"),
        ("a.txt", b"one\n\n%b\nlast"),
        ("a", b"\xef\xbb\xbfone\r\n\r\n%b\r\nlast\r\n"),
        ("a.jsonl", b'{"text": "one"}\n{"text": ""}\n{"text": "%b"}\n{"text":"last"}'),
    ],
)
@pytest.mark.parametrize("bad", [BAD_BYTE, SURROGATE], ids=["byte", "surrogate"])
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "table"])
def test_as_many_answers_as_rows_a_bad_one_is_named_and_loses_no_other(
    fake_server: FakeServer,
    tmp_path: pathlib.Path,
    name: str,
    content: bytes,
    bad: bytes,
    as_json: bool,
) -> None:
    first = 1 if name in ("a", "a.txt", "a.jsonl") else 2
    content = content.replace(b"%b", bad)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    options = ["--file", str(path), *_endpoint(fake_server, "grpc")]
    result = click.testing.CliRunner().invoke(predict, options + ["--json"] * as_json)
    assert result.exit_code == 1
    assert f"1 of 4 rows could not be asked: row {first + 2}: invalid utf8" in (
        result.stderr
    )
    if not as_json:
        assert all(f" {first + at} " in result.stdout for at in range(4))
        return
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["row"] for answer in answers] == [first + at for at in range(4)]
    assert [answer["text"] for answer in answers] == ["one", "", None, "last"]
    assert [one["row"] for one in answers if not one["label"]] == [first + 2]
    assert answers[1]["note"] == "empty text"


def test_what_stops_a_file_loses_no_answer_before_it(
    fake_server: FakeServer, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,id\na,1\nb,2\n"c,3\nd,4\n')
    options = ["--file", str(path), "--json", *_endpoint(fake_server, "grpc")]
    result = click.testing.CliRunner().invoke(predict, options)
    assert [json.loads(line)["row"] for line in result.stdout.splitlines()] == [2, 3]
    assert result.exit_code == 1
    assert "line 4: the quote that opens a text here is never closed" in result.stderr


@pytest.mark.parametrize(
    "content, message",
    [
        (b"body\na\n", "no column 'text'; it has 'body'"),
        ("text\na\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"PK\x03\x04" + bytes(30), "is a zip archive or spreadsheet"),
        (gzip.compress(b"text\n" + b"a\n" * 9, mtime=0)[:12], "is damaged or cut off"),
    ],
)
def test_a_file_is_refused_as_ktp_run_refuses_it(
    tmp_path: pathlib.Path, content: bytes, message: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    status, output = _run(predict, "--file", str(tmp_path / "a.csv"))
    assert (status, message in output) == (1, True)


def test_a_padded_header_names_the_column(
    fake_server: FakeServer, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "a.csv").write_text('\ufeffid , "text" \n1,a\n')
    options = ["--json", "--file", str(tmp_path / "a.csv")]
    status, output = _run(predict, *options, *_endpoint(fake_server, "grpc"))
    assert (status, json.loads(output)["row"]) == (0, 2)


def test_standard_input_may_be_gzipped_and_its_bad_line_is_named(
    fake_server: FakeServer,
) -> None:
    result = click.testing.CliRunner().invoke(
        predict,
        ["--json", *_endpoint(fake_server, "grpc")],
        input=gzip.compress(b"one\n\n\xff\nlast"),
    )
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == ["one", "", None, "last"]
    assert "row 3: invalid utf8" in result.stderr
    assert result.exit_code == 1


def test_a_text_of_the_command_line_that_is_no_utf_8_is_named(
    fake_server: FakeServer,
) -> None:
    options = ["--json", *_endpoint(fake_server, "grpc")]
    status, output = _run(predict, "good", "caf\udce9", *options)
    assert status == 1
    assert json.loads(output.splitlines()[0])["label"] == "billing"
    assert "1 of 2 rows could not be asked: text 2: invalid utf8" in output


def test_a_failing_part_names_its_lines(
    fake_server: FakeServer, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "a.txt").write_text("a\n" * 5)
    options = ["--file", str(tmp_path / "a.txt"), "--model-name", "nobody"]
    status, output = _run(predict, *options, *_endpoint(fake_server, "grpc"))
    assert status == 1
    assert "rows 1 to 5: the server has no such model" in output


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
