"""A checkpoint's masked-LM head in the place of a classifier's new layers."""

import keras
import numpy as np

from model.adaptation.prompt import MASK_NORM, MASK_TRANSFORM, Prompt
from model.config import ModelConfig
from model.pretrained.folder import PretrainedFolder
from model.pretrained.masked_lm import load_masked_lm_head
from model.pretrained.reading import PretrainedError


def check_positions(
    config: ModelConfig, prompt: Prompt, folder: PretrainedFolder
) -> None:
    """Compares the positions of the longest row with those that there are.

    Raises:
        PretrainedError: The template makes rows longer than the checkpoint allows.
    """
    room = folder.config["max_position_embeddings"] - prompt.length
    if config.max_sequence_length > room:
        raise PretrainedError(
            f"model.max_sequence_length is {config.max_sequence_length} and the "
            f"template has {prompt.length} tokens; {folder.path} has "
            f"{room + prompt.length} positions. Set model.max_sequence_length={room}, "
            "or take a shorter template."
        )


def load_masked_head(
    model: keras.Model, config: ModelConfig, prompt: Prompt, folder: PretrainedFolder
) -> None:
    """Loads the head's layers, and makes of its decoder the row of each label.

    That is the mean over the label's words of the mean over their pieces: what the
    decoder would have said of each, averaged.

    Raises:
        PretrainedError: The checkpoint has no such head, or another activation in it.
    """
    head = load_masked_lm_head(folder)
    if head.activation != config.activation:
        raise PretrainedError(
            f"The masked-LM head in {folder.path} has the activation "
            f"{head.activation}, and its encoder {config.activation}; taken are heads "
            "with the encoder's. Choose another method or another model."
        )
    transform, norm = model.get_layer(MASK_TRANSFORM), model.get_layer(MASK_NORM)
    transform.kernel.assign(head.kernel)
    transform.bias.assign(head.bias)
    norm.gamma.assign(head.gamma)
    norm.beta.assign(head.beta)
    embeddings = np.asarray(model.get_layer("token_embedding").embeddings)
    logits = model.get_layer("logits")
    rows = np.column_stack([embeddings, head.output_bias[: len(embeddings)]])
    rows = np.stack([_mean_of(label, rows) for label in prompt.label_pieces])
    logits.kernel.assign(rows[:, :-1].T)
    logits.bias.assign(rows[:, -1])


def _mean_of(words: tuple[tuple[int, ...], ...], rows: np.ndarray) -> np.ndarray:
    return np.mean([rows[list(pieces)].mean(axis=0) for pieces in words], axis=0)
