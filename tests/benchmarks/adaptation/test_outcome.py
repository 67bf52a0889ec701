"""What the comparison of ways of fine-tuning shows."""

import json
import pathlib
import sys
import xml.etree.ElementTree as ET

import pytest

from benchmarks.adaptation import __main__ as comparison
from benchmarks.adaptation.outcome import Outcome, drawing, summaries, table

FULL = Outcome(
    name="full",
    seed=1,
    accuracy=0.93,
    trained_parameters=22_000_000,
    parameters=22_000_000,
    seconds=100,
    seconds_per_epoch=10,
    peak_memory_bytes=2**31,
    checkpoint_bytes=264_000_000,
    learning_rate=1e-4,
)
LORA = Outcome(
    name="lora",
    seed=1,
    accuracy=0.92,
    trained_parameters=440_000,
    parameters=22_000_000,
    seconds=80,
    seconds_per_epoch=8,
    peak_memory_bytes=2**30,
    checkpoint_bytes=5_280_000,
    learning_rate=1e-3,
)
REFUSED = Outcome(name="prompt", seed=1, refusal="no masked-LM head")


def test_a_row_has_the_share_that_is_trained_and_what_it_costs():
    line = table([FULL, LORA, REFUSED]).splitlines()[3]
    assert line == (
        "| lora | 92.00% | 440,000 | 2.00% | 80 | 8.0 | 1.00 GiB | 5.3 MB | 0.001 |"
    )


def test_several_seeds_are_one_row_with_their_spread():
    second = Outcome(**{**vars(FULL), "seed": 2, "accuracy": 0.95})
    (summary,) = summaries([FULL, second])
    assert summary.mean("accuracy") == pytest.approx(0.94)
    assert "| full | 94.00% ± 1.41% |" in table([FULL, second])


def test_what_was_refused_says_why_and_is_not_drawn():
    assert table([FULL, REFUSED]).endswith("- prompt: no masked-LM head\n")
    assert "prompt" not in drawing([FULL, REFUSED], "title", "note")


def test_the_drawing_is_valid_and_has_a_bar_per_way_and_measure():
    root = ET.fromstring(drawing([FULL, LORA], "a < b", "note & more"))
    found = root.findall("{http://www.w3.org/2000/svg}rect[@rx]")
    widths = [float(bar.get("width")) for bar in found]
    assert len(widths) == 2 * 4
    trained = widths[2:4]
    assert trained[0] > trained[1] > 0
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"93.0%", "22.00 M", "0.44 M", "2.00 GiB"} <= set(texts)


def test_what_is_done_is_not_trained_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    calls: list[str] = []

    def trained(command: list[str], **_: object) -> object:
        calls.append(json.loads(command[-1])["name"])
        name, seed = (json.loads(command[-1])[key] for key in ("name", "seed"))
        outcome = {**vars(LORA), "name": name, "seed": seed}
        return type("Done", (), {"stdout": f"noise\n{json.dumps(outcome)}\n"})

    monkeypatch.setattr(comparison.subprocess, "run", trained)
    options = ["--pretrained", "m", "--output", str(tmp_path), "--ways", "full", "lora"]
    for epochs in ("1", "1", "2"):
        monkeypatch.setattr(sys, "argv", ["adaptation", *options, "--epochs", epochs])
        comparison.main()
    assert calls == ["full", "lora"] * 2  # Other epochs are another comparison.
    assert "| lora |" in (tmp_path / "table.md").read_text()
    ET.parse(tmp_path / "comparison.svg")
