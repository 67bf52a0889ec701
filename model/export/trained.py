"""A trained model as the Trainer left it, in a process that has not trained it."""

import os

import keras

from model import contract, encoder
from model.wide.layer import WideScores

LAYERS = (encoder, WideScores)
"""Keras finds a layer of ours in a file only where its module has been imported."""


def load(model_run_dir: str) -> keras.Model:
    """Reads the Keras file of a `ModelRun`."""
    return keras.models.load_model(os.path.join(model_run_dir, contract.KERAS_FILE))
