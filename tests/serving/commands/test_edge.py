"""`ktp edge predict`."""

import gzip
import json
import pathlib

import click.testing
import pytest

from serving.commands.edge import edge
from serving.edge import EdgeClassifier


def predict(*arguments: object, stdin: str | bytes = "") -> click.testing.Result:
    runner = click.testing.CliRunner()
    return runner.invoke(edge, ["predict", *map(str, arguments)], input=stdin)


def test_json_has_one_object_per_text(model_path: pathlib.Path):
    texts = ["Where is my card?", "¿Dónde? 😀"]
    lines = predict(model_path, "--json", *texts).stdout.splitlines()
    expected = EdgeClassifier(model_path).classify(texts)
    assert [json.loads(line) for line in lines] == [
        {"text": text, **prediction.to_dict()}
        for text, prediction in zip(texts, expected, strict=True)
    ]


def test_lines_of_standard_input_are_texts(model_path: pathlib.Path):
    answer = predict(model_path, "--json", stdin=b"first\r\n\ncaf\xe9")
    texts = [json.loads(line)["text"] for line in answer.stdout.splitlines()]
    assert texts == ["first", "", "caf\ufffd"]
    rows = [json.loads(line)["row"] for line in answer.stdout.splitlines()]
    assert rows == [1, 2, 3]
    assert answer.stderr.startswith("Note: line 3 is not UTF-8; ")


@pytest.mark.parametrize(
    "stdin, message",
    [
        (gzip.compress(b"text", mtime=0), "is gzipped, no text"),
        ("text\n".encode("utf-16"), "is UTF-16, no text"),
        (b"PK\x03\x04" + bytes(9), "is a zip archive or spreadsheet, no text"),
    ],
    ids=["gzip", "utf-16", "zip"],
)
def test_standard_input_that_is_no_text_is_refused(
    model_path: pathlib.Path, stdin: bytes, message: str
):
    answer = predict(model_path, stdin=stdin)
    assert (answer.exit_code, message in answer.output) == (1, True)


def test_a_byte_order_mark_is_no_part_of_the_first_line(model_path: pathlib.Path):
    answer = predict(model_path, "--json", stdin=b"\xef\xbb\xbfcard\n")
    assert json.loads(answer.stdout)["text"] == "card"


def test_the_table_shows_text_label_and_score(model_path: pathlib.Path):
    (best,) = EdgeClassifier(model_path).classify(["my [b]card[/b]"])
    table = predict(model_path, "my [b]card[/b]").stdout
    assert "my [b]card[/b]" in table
    assert best.label in table
    assert f"{best.score:.1%}" in table


def test_no_text_changes_the_terminal(model_path: pathlib.Path):
    table = predict(model_path, "\x1b[31mcard\x1b]0;mine\x07").stdout
    assert r"\x1b[31mcard\x1b]0;mine\x07" in table
    assert "\x1b" not in table


def test_an_empty_line_is_marked_as_such(model_path: pathlib.Path):
    assert "(empty text)" in predict(model_path, stdin="card\n\n").stdout
    lines = predict(model_path, "--json", stdin="card\n\n").stdout.splitlines()
    assert [json.loads(line).get("note") for line in lines] == [None, "empty text"]


def test_a_text_of_unknown_pieces_only_is_said(model_path: pathlib.Path):
    assert "(unknown text)" in predict(model_path, "ω").stdout
    assert "(unknown text)" not in predict(model_path, "card").stdout
    answer = json.loads(predict(model_path, "--json", "ω").stdout)
    assert answer["text_is_unknown"] is True


def test_an_argument_that_is_not_utf8_is_answered(model_path: pathlib.Path):
    answer = predict(model_path, "--json", "caf\udce9")
    assert json.loads(answer.stdout)["text"] == "caf?"


def test_a_file_that_cannot_be_used_gives_one_line_and_code_1(tmp_path: pathlib.Path):
    answer = predict(tmp_path / "absent.tflite", "text")
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: Cannot read")
    assert answer.output.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["m.tflite"], ["m.tflite", "text", "--threads", "0"]]
)
def test_wrong_usage_gives_code_2(arguments: list[str]):
    assert predict(*arguments).exit_code == 2


def test_a_second_model_is_refused_instead_of_classified(
    model_path: pathlib.Path, tmp_path: pathlib.Path
):
    second = tmp_path / "2" / "model.tflite"
    second.parent.mkdir()
    second.write_bytes(model_path.read_bytes())
    answer = predict(model_path, second, "my card")
    assert answer.exit_code == 2
    assert f"'{second}' is a model file, not a text: ask one model" in answer.output


def test_a_text_that_is_a_file_is_answered_with_a_note(
    model_path: pathlib.Path, tmp_path: pathlib.Path
):
    path = tmp_path / "texts.txt"
    path.write_text("my card\n")
    answer = predict(model_path, "--json", path)
    assert json.loads(answer.stdout)["text"] == str(path)
    assert "is a file; its name is classified, not what it holds" in answer.stderr


def test_what_names_no_file_is_a_text(model_path: pathlib.Path):
    answer = predict(model_path, "--json", "a" * 5000, "no/such/model.tflite")
    assert len(answer.stdout.splitlines()) == 2
    assert not answer.stderr
