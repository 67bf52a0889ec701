"""The batch scorer: `python -m serving.edge`."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from model import contract
from serving.edge import EdgeClassifier
from serving.edge.__main__ import main
from tests.support import device_model, nasty_texts


def score_rows(
    model_path: pathlib.Path, rows: pathlib.Path
) -> tuple[np.ndarray, dict[str, object]]:
    output = rows.with_name("scores.npy")
    command = [sys.executable, "-m", "serving.edge", str(model_path), str(rows)]
    answer = subprocess.run(
        [*command, "--output", str(output)], check=True, capture_output=True, text=True
    )
    return np.load(output), json.loads(answer.stdout)


def test_the_batch_scorer_scores_texts(
    model_path: pathlib.Path, tmp_path: pathlib.Path
):
    texts = nasty_texts.TEXTS
    rows = [json.dumps(text) for text in texts[::2]]
    rows += [json.dumps({contract.TEXT: text}) for text in texts[1::2]]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(rows), "utf-8")
    scores, summary = score_rows(model_path, path)
    classifier = EdgeClassifier(model_path)
    expected = classifier.scores([*texts[::2], *texts[1::2]])
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert summary["rows"] == len(texts)
    assert summary["runtime"] == classifier.runtime
    assert 0 < summary["latency_p50_ms"] <= summary["latency_p99_ms"]


def test_the_batch_scorer_scores_token_ids(
    model_path: pathlib.Path, tmp_path: pathlib.Path
):
    path = tmp_path / "rows.npz"
    np.savez(path, **{contract.TOKEN_IDS: device_model.token_ids()})
    scores, summary = score_rows(model_path, path)
    np.testing.assert_allclose(scores, device_model.expected_scores(), atol=2e-5)
    assert summary["rows"] == len(scores)


def test_the_batch_scorer_accepts_no_rows(
    model_path: pathlib.Path, tmp_path: pathlib.Path
):
    path = tmp_path / "rows.jsonl"
    path.write_text("")
    scores, summary = score_rows(model_path, path)
    assert scores.shape == (0, len(device_model.LABELS))
    assert summary["latency_p50_ms"] is None


@pytest.mark.parametrize(
    "line, complaint",
    [
        (b"the patient is ill", "line 2: no JSON; a line is a JSON string or"),
        (b'"the patient is ill \xe9"', "line 2: not UTF-8"),
        (b'{"txt": "the patient is ill"}', "line 2: no text, but a NoneType"),
        (b"3", "line 2: no text, but a int"),
        (b'["the patient is ill"]', "line 2: no text, but a list"),
        (b'"the patient is ill \\ud800"', "line 2: .*lone surrogate U.D800"),
    ],
)
def test_a_line_that_is_no_text_is_named_and_not_repeated(
    model_path: pathlib.Path,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    line: bytes,
    complaint: str,
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'"a"\n' + line + b'\n"b"\n')
    output = tmp_path / "scores.npy"
    assert main([str(model_path), str(path), "--output", str(output)]) == 1
    printed = capsys.readouterr()
    assert re.fullmatch(f"Error: .*rows.jsonl, {complaint}.*\n", printed.err)
    assert "patient" not in printed.err + printed.out
    assert not output.exists()


def test_scores_go_into_the_file_that_was_named(
    model_path: pathlib.Path,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf"a"\r\n"b"\r\n')
    assert main([str(model_path), str(path), "--output", str(tmp_path / "out")]) == 0
    assert np.load(tmp_path / "out").shape == (2, len(device_model.LABELS))
    assert main([str(model_path), str(path), "--output", "/dev/full"]) == 1
    assert "No space left" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(model_path), str(path), "--output", str(tmp_path / "no/out.npy")])
    assert "There is no folder" in capsys.readouterr().err
