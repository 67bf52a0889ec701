"""Texts from files and from what trickles in."""

import io
import pathlib
import queue
from typing import Any

import pytest

from serving.commands.texts import TextFileError, parts_as_they_come, texts_of_file


def texts(path: pathlib.Path, content: str | bytes, column: str = "text") -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(texts_of_file(str(path), column))


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.txt", "größe\r\n\n  \nb, c\n"),
        ("a", "größe\nb, c"),
        ("a.txt", "\ufeffgröße\nb, c\n"),
        ("a.csv", 'id,text\n1,größe\n2,"b, c"\n3,\n'),
        ("a.CSV", '\ufefftext\ngröße\n"b, c"\n'),
        ("a.tsv", "text\tid\ngröße\t1\nb, c\t2\n"),
        ("a.jsonl", '{"text": "größe"}\n\n{"text": "b, c", "id": 2}\n{"text": " "}\n'),
    ],
)
def test_every_kind_of_file_gives_its_texts(
    tmp_path: pathlib.Path, name: str, content: str
) -> None:
    assert texts(tmp_path / name, content) == ["größe", "b, c"]


def test_a_text_may_span_lines_and_be_long(tmp_path: pathlib.Path) -> None:
    long = "x" * 200_000
    found = texts(tmp_path / "a.csv", f'body\n"two\nlines"\n{long}\n', "body")
    assert found == ["two\nlines", long]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "id,body\n1,a\n", "no column 'text'; its first line names: id, body"),
        ("a.csv", "", "names: nothing"),
        ("a.jsonl", '{"text": "a"}\n{"b": 1}\n', "line 2: expected an object with"),
        ("a.jsonl", "[1]\n", "line 1: expected an object"),
        ("a.jsonl", "nonsense\n", "line 1: expected an object"),
        ("a.jsonl", '{"text": 3}\n', "'text' is 3, no text"),
    ],
)
def test_a_file_without_texts_says_what_is_wrong(
    tmp_path: pathlib.Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(TextFileError, match=message):
        texts(tmp_path / name, content)


class Slow(io.StringIO):
    """Lines that come when the test puts them; None ends."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[str | None] = queue.Queue()

    def __iter__(self) -> Any:
        return iter(self.lines.get, None)


def test_lines_are_passed_on_before_the_part_is_full() -> None:
    source = Slow()
    parts = parts_as_they_come(source, size=100)
    source.lines.put("a\n")
    source.lines.put("b\n")
    found = next(parts)
    while not found:  # the reader may need a moment
        found = next(parts)
    assert (found.items, found.rows) == (["a", "b"], range(2))
    assert not next(parts)
    source.lines.put("c\n")
    source.lines.put(None)
    rest = [part for part in parts if part]
    assert [(part.items, part.rows) for part in rest] == [(["c"], range(2, 3))]


def test_much_input_goes_in_full_parts() -> None:
    source = io.StringIO("".join(f"{number}\n" for number in range(25)))
    sizes = [len(part.items) for part in parts_as_they_come(source, size=10)]
    assert [size for size in sizes if size] == [10, 10, 5]


def test_input_that_is_no_text_is_an_error_and_no_end() -> None:
    source = io.TextIOWrapper(io.BytesIO(b"good\n\xff\xfe\n"), encoding="utf-8")
    with pytest.raises(UnicodeDecodeError):
        list(parts_as_they_come(source, size=10))
