"""Classifiers with the weights of a pretrained folder, and what they compute."""

from typing import Any

import keras
import numpy as np

from model.config import ModelConfig
from model.encoder import build_classifier
from model.pretrained.architecture import model_settings
from model.pretrained.folder import PretrainedFolder
from model.pretrained.weights import load_encoder


def loaded_classifier(folder: PretrainedFolder, **changes: Any) -> keras.Model:
    """A classifier of the folder's form with its weights; `changes` are settings."""
    settings = {"vocabulary_size": len(folder.vocabulary), "max_sequence_length": 40}
    config = ModelConfig(**(settings | model_settings(folder) | changes))
    model = build_classifier(config)
    load_encoder(model, config, folder)
    return model


def states_and_vectors(
    model: keras.Model, token_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What goes into the pooling of a classifier `[B, T, D]`, and what comes out."""
    pooling = model.get_layer("pooling")
    both = keras.Model(model.input, [pooling.input[0], pooling.output])
    states, vectors = both(token_ids)
    return np.asarray(states), np.asarray(vectors)
