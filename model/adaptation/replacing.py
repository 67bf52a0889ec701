"""Puts another layer in the place of one while a model is trained."""

from typing import Any

import keras


class TrainingLayer(keras.layers.Layer):
    """Stands in for a plain layer in training; the exported model has the plain one."""

    def merged(self) -> dict[str, Any]:
        """Maps the path of each variable of the plain layer that this one changed.

        With the values that make the plain layer compute what this one does.
        """
        raise NotImplementedError


def replace(
    owner: keras.layers.Layer, attribute: str, layer: keras.layers.Layer
) -> None:
    """Makes `layer` the built owner's `attribute`."""
    # A built layer takes no new ones; `keras.layers.Dense.enable_lora` does the same.
    owner._tracker.unlock()
    setattr(owner, attribute, layer)
    owner._tracker.lock()


def merged(model: keras.Model) -> dict[str, Any]:
    """Maps path to value of all variables that training layers changed."""
    found: dict[str, Any] = {}
    for layer in model._flatten_layers():
        if isinstance(layer, TrainingLayer):
            found |= layer.merged()
    return found


def name_in_training(layer: keras.layers.Layer, kind: str) -> str:
    """Makes a name of the whole path: it is built outside of the block it works in."""
    return f"{layer.path.replace('/', '.')}.{kind}"
