"""What of a user's file stands in a message is short and harmless."""

import json
import os
from pathlib import Path

import pytest

from serving.text_files.shown import (
    harmless,
    json_line,
    listed,
    named,
    printable,
    shown,
)


@pytest.mark.parametrize(
    "value, expected",
    [
        ("größe 日本", "größe 日本"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\u202eb\xa0c", r"a\u202eb\xa0c"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("x" * 99, "x" * 60 + "…"),
        ("\x1b" * 99, r"\x1b" * 15 + "…"),
        (None, "None"),
    ],
)
def test_a_value_is_short_and_every_letter_of_it_is_seen(
    value: object, expected: str
) -> None:
    assert shown(value) == expected
    assert shown(value).isprintable()


def test_a_path_is_shown_in_its_full_length() -> None:
    path = Path(os.fsdecode(b"/a/" + b"x" * 200 + b"\xff\n.csv"))
    assert named(path) == "/a/" + "x" * 200 + r"\xff\n.csv"


def test_many_names_are_counted() -> None:
    assert listed(["a", "b\n"]) == r"'a', 'b\n'"
    assert listed(list("abcd"), 2) == "'a', 'b' and 2 more"
    assert listed([]) == "none"


def test_a_harmless_text_keeps_its_script_its_tabs_and_lines() -> None:
    text = "👩\u200d🚀 \u0627\u0644\xa0\tx\ny"
    assert harmless(text) == text
    assert harmless("\x1b]0;x\x07\r\x9b1m\udce9") == r"\x1b]0;x\x07\r\x9b1m\xe9"


def test_a_message_keeps_its_lines_and_every_stream_takes_it() -> None:
    told = printable("\x1b[1mno\r such\nfile: caf\udce9 größe")
    assert told == "\\x1b[1mno\\r such\nfile: caf\\xe9 größe"
    assert told.encode()


def test_json_is_harmless_and_keeps_its_script() -> None:
    values = {"größe": "\x1b[1m\x9b1m\x7f 日本\n"}
    assert json_line(values) == r'{"größe": "\u001b[1m\u009b1m\u007f 日本\n"}'
    assert json.loads(json_line(values)) == values
    assert json_line({"a": "\ud800"}) == r'{"a": "\ud800"}'
