"""The batch scorer: `python -m serving.edge`."""

import json
import pathlib
import subprocess
import sys

import numpy as np

from model import contract
from serving.edge import EdgeClassifier
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
