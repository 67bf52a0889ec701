"""Predictions on the terminal, and the count beside them."""

import io
import sys

import pytest

from serving.client.prediction import Prediction
from serving.commands import output

BEST = Prediction("a", 0.75, ("a", "b"), (0.75, 0.25))
ROWS = [(f"text {number}", BEST) for number in range(1001)]


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
