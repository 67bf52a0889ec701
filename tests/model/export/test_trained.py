"""A step of a cluster exports what another one has trained."""

import subprocess
import sys
from pathlib import Path

import keras

from model import contract, encoder
from model.config import ModelConfig
from model.wide.layer import WideScores

CODE = "import sys; from model.export import trained; trained.load(sys.argv[1])"


def test_a_joined_model_is_loaded_where_nothing_else_was_imported(
    tmp_path: Path,
) -> None:
    config = ModelConfig(
        vocabulary_size=20,
        num_classes=3,
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=8,
    )
    classifier = encoder.build_classifier(config)
    wide = WideScores(20, 16, 3, name="wide")(classifier.input)
    total = keras.layers.Add()([classifier.output, wide])
    joined = keras.Model(classifier.input, total)
    joined.save(tmp_path / contract.KERAS_FILE)
    subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], check=True)
