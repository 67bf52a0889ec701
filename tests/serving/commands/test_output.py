"""Predictions on the terminal, and the count beside them."""

import dataclasses
import io
import json
import sys
from collections.abc import Iterator

import pytest

from serving.client.prediction import Prediction
from serving.commands import output

BEST = Prediction("a", 0.75, ("a", "b"), (0.75, 0.25))
ROWS = [output.Answer(n, f"text {n}", BEST) for n in range(1001)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdout", "stderr", "is_shown"),
    [
        (io.StringIO(), Terminal(), True),
        (Terminal(), Terminal(), False),
        (io.StringIO(), io.StringIO(), False),
    ],
    ids=["output to a file", "output on the terminal", "no terminal"],
)
def test_the_count_is_shown_where_it_does_not_mix_with_the_answers(
    stdout: io.StringIO,
    stderr: io.StringIO,
    is_shown: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(output, "PROGRESS_EVERY_S", 0.0)
    assert list(output.with_progress(ROWS)) == ROWS
    shown = stderr.getvalue()
    assert stdout.getvalue() == ""
    assert bool(shown) is is_shown
    if is_shown:
        assert "500 texts, " in shown
        assert shown.split("\r")[-1].startswith("1,001 texts, ")
        assert shown.endswith(" a second\n")


def test_a_long_table_comes_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(iter(ROWS))
    printed = capsys.readouterr().out
    assert printed.count("text 0 ") == 1
    assert "text 1000" in printed
    assert printed.count("next best") == 3


def test_rows_before_a_failure_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> Iterator[output.Answer]:
        yield from ROWS[:3]
        raise ValueError("the server went away")

    with pytest.raises(ValueError, match="went away"):
        output.print_table(failing())
    assert "text 2" in capsys.readouterr().out


def test_a_table_shows_no_control_characters_and_keeps_scripts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_table([output.Answer(7, "\x1b[2Jred\x07 größe 👩\u200d🚀", BEST)])
    printed = capsys.readouterr().out
    assert r"\x1b[2Jred\x07 größe 👩" in printed
    assert "\x1b" not in printed
    assert "\\u200d" not in printed


def test_no_label_changes_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    labels = ("\x1b[1ma", "\x1b[2mb", "\x1b[3mc")
    output.print_table(
        [output.Answer(1, "t", Prediction(labels[0], 0.5, labels, (0.5, 0.3, 0.2)))]
    )
    printed = capsys.readouterr().out
    assert all(label.replace("\x1b", r"\x1b") in printed for label in labels)
    assert "\x1b" not in printed


def test_an_empty_text_is_answered_and_said_and_a_bad_row_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = [
        output.Answer(2, "a", BEST),
        output.Answer(3, "  ", BEST),
        output.Answer(4, "", None, "invalid utf8"),
        output.Answer(None, "b", BEST),
    ]
    output.print_json(answers)
    good, empty, bad, asked = map(json.loads, capsys.readouterr().out.splitlines())
    assert (good["row"], good["label"], "note" in good) == (2, "a", False)
    assert (empty["row"], empty["label"], empty["note"]) == (3, "a", "empty text")
    assert bad == {"row": 4, "text": None, "label": None, "error": "invalid utf8"}
    assert list(asked) == ["text", "label", "score", "scores"]
    output.print_table(answers[:3])
    printed = capsys.readouterr().out
    assert "(empty text)" in printed
    assert "(invalid utf8)" in printed


@pytest.mark.parametrize(
    ("mark", "note"),
    [("text_is_unknown", "unknown text"), ("is_rejected", "none of these")],
)
def test_an_unknown_and_a_rejected_text_are_said(
    mark: str, note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    guess = dataclasses.replace(BEST, **{mark: True})  # type: ignore[arg-type]
    answers = [output.Answer(None, "привет", guess), output.Answer(None, "hi", BEST)]
    output.print_table(answers)
    first, second = capsys.readouterr().out.splitlines()[3:5]
    assert "привет" in first
    assert f"a ({note})" in first
    assert "(" not in second
    output.print_json(answers)
    marked, plain = map(json.loads, capsys.readouterr().out.splitlines())
    assert (marked[mark], marked["note"]) == (True, note)
    assert not {mark, "note"} & set(plain)


def test_why_a_text_is_rejected_is_said_first() -> None:
    guess = dataclasses.replace(BEST, text_is_unknown=True, is_rejected=True)
    assert output.Answer(None, "привет", guess).note == "unknown text"
    assert output.Answer(None, " ", guess).note == "empty text"
