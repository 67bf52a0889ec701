"""Scores of a split, on their way from one node to others."""

from pathlib import Path

import numpy as np

from components.predictions import ScoredRows
from tests.support.labelled_rows import LABELS, SCORES, scored_rows


def test_predictions_survive_saving(tmp_path: Path) -> None:
    scored_rows().save(str(tmp_path))
    loaded = ScoredRows.load(str(tmp_path))
    assert (loaded.texts, loaded.true_labels, loaded.labels) == (
        scored_rows().texts,
        scored_rows().true_labels,
        LABELS,
    )
    np.testing.assert_array_equal(loaded.scores, SCORES)
    assert loaded.scores.dtype == np.float32


def test_foreign_letters_and_empty_texts_survive_saving(tmp_path: Path) -> None:
    texts = ["", "日本語 🌨", "line\nbreak", "e\u0301 "]
    rows = ScoredRows(texts=texts, true_labels=["ä"] * 4, labels=["ä"], scores=SCORES)
    rows.save(str(tmp_path))
    assert ScoredRows.load(str(tmp_path)).texts == texts


def test_ids_are_positions_in_the_labels() -> None:
    assert scored_rows().true_ids.tolist() == [0, 1, 2, 1]
    assert scored_rows().predicted_ids.tolist() == [0, 1, 2, 0]
    assert scored_rows().accuracy == 0.75
