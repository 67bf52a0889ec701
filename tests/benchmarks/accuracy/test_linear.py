"""The linear model alone: the line of a run, and every answer beside it."""

import json
from pathlib import Path

import pytest

from benchmarks.accuracy import linear

# The first test to import TFX waits half a minute, on a busy machine some minutes.
pytestmark = pytest.mark.timeout(600)


def test_it_ends_as_a_run_does_with_every_answer_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{n} {word},{word}" for n in range(60) for word in ("red", "blue")]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(["text,label", *rows]))
    output = tmp_path / "new" / "out"
    linear.main(["--data", str(data), "--output", str(output), "--json"])
    summary = json.loads(capsys.readouterr().out)
    assert summary["test_accuracy"] == summary["linear_accuracy"] == 1.0
    assert summary["train_s"] > 0
    evaluation = json.loads((output / "results.json").read_text())["evaluation"]
    assert evaluation["labels"] == ["blue", "red"]
    assert evaluation["true_ids"] == evaluation["predicted_ids"]
    assert sorted(set(evaluation["true_ids"])) == [0, 1]
