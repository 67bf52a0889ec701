"""The whole job with a pretrained encoder: a small one, from a folder."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from model import contract
from model.export.saved_model import load_scorer
from model.pretrained.folder import PretrainedFolder
from serving.edge import EdgeClassifier
from tests.support.pretrained import folders

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TEXTS = ["my card is lost", "MY CAFÉ?", "the [MASK] money", "zz 我", "", "good " * 99]


def run(data: Path, folder: Path, output: Path) -> dict[str, object]:
    command = [
        *(sys.executable, "-m", "pipeline", "run", "--json"),
        *("--data", str(data), "--pretrained", str(folder), "--output", str(output)),
        *("--set", "training.max_epochs=5", "--set", "training.learning_rate=3e-3"),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def write_data(path: Path) -> Path:
    words = {"shop": "card money lost".split(), "place": "cafe good the".split()}
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(300):
            for label, (first, second, third) in words.items():
                rows.writerow([f"{first} {second} {number} {third}", label])
    return path


def test_a_pretrained_encoder_is_trained_pushed_and_asked(tmp_path: Path):
    data = write_data(tmp_path / "data.csv")
    folder = folders.write_folder(tmp_path / "model")
    output = tmp_path / "out"
    summary = run(data, folder, output)
    assert summary["blessed"]
    assert summary["pretrained"] == str(folder)
    assert summary["pretrained_sha256"] == PretrainedFolder.open(folder).digest
    assert str(summary["pretrained_sha256"]) in (output / "report.html").read_text()
    scores = load_scorer(str(summary["saved_model"]))(TEXTS).numpy()
    with EdgeClassifier(str(summary["tflite"])) as device:
        assert device.scores(TEXTS) == pytest.approx(scores, abs=1e-4)
        marks = [one.text_is_unknown for one in device.classify(TEXTS)]
    serve = tf.saved_model.load(str(summary["saved_model"])).signatures
    answer = serve[contract.Signature.SERVING_DEFAULT](text=tf.constant(TEXTS))
    assert answer[contract.TEXT_IS_UNKNOWN].numpy().tolist() == marks
    assert marks == [False, False, False, False, True, False]
    assert run(data, folder, output)["unchanged"]
    folders.write_json(folder / "tokenizer_config.json", {"do_lower_case": True})
    assert not run(data, folder, output)["unchanged"]
