"""The head of a pretrained encoder that guesses masked tokens."""

import dataclasses

import numpy as np

from model.config import Activation
from model.pretrained import layouts
from model.pretrained.architecture import model_settings
from model.pretrained.checkpoint import Checkpoint
from model.pretrained.folder import ModelType, PretrainedFolder
from model.pretrained.reading import PretrainedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLmHead:
    """Token states `[…, D]` become one logit per token of the vocabulary `[…, V]`.

    That is `norm(activation(states @ kernel + bias)) @ embeddings.T + output_bias`,
    where `embeddings` `[V, E]` are the model's own, and `norm` is a layer norm.

    Attributes:
        kernel: `[D, E]`.
        bias: `[E]`.
        gamma: `[E]`, of the layer norm.
        beta: `[E]`, of the layer norm.
        epsilon: of the layer norm.
        output_bias: `[V]`, for the vocabulary of the folder, in its order.
    """

    kernel: np.ndarray
    bias: np.ndarray
    activation: Activation
    gamma: np.ndarray
    beta: np.ndarray
    epsilon: float
    output_bias: np.ndarray


def has_masked_lm_head(folder: PretrainedFolder) -> bool:
    """True if the checkpoint was saved with the head; most sentence encoders are not.

    ELECTRA's discriminator has none, its generator has.
    """
    return layouts.MASKED_LM[folder.model_type].output_bias in folder.tensors


def load_masked_lm_head(folder: PretrainedFolder) -> MaskedLmHead:
    """Reads the head of a checkpoint.

    Raises:
        PretrainedError: there is none, a part of it is missing or of another shape, or
            its output matrix is not that of the embeddings.
    """
    names = layouts.MASKED_LM[folder.model_type]
    if not has_masked_lm_head(folder):
        raise PretrainedError(
            f"The checkpoint in {folder.path} has no head for masked tokens: "
            f"{names.output_bias} is missing. Take the model's masked-LM checkpoint, "
            "or an adaptation.method that needs no such head."
        )
    checkpoint = Checkpoint.of(folder)
    checkpoint.check(layouts.encoder_shapes(folder) | layouts.masked_lm_shapes(folder))
    _check_tied(folder, checkpoint)
    settings = model_settings(folder)
    return MaskedLmHead(
        kernel=checkpoint.read(f"{names.dense}.weight").T,
        bias=checkpoint.read(f"{names.dense}.bias"),
        # ELECTRA's generator has this one, whatever the encoder has.
        activation=(
            Activation.GELU
            if folder.model_type is ModelType.ELECTRA
            else settings["activation"]
        ),
        gamma=checkpoint.read(f"{names.norm}.weight"),
        beta=checkpoint.read(f"{names.norm}.bias"),
        epsilon=settings["layer_norm_epsilon"],
        output_bias=checkpoint.read(names.output_bias)[: len(folder.vocabulary)],
    )


def _check_tied(folder: PretrainedFolder, checkpoint: Checkpoint) -> None:
    name = layouts.MASKED_LM[folder.model_type].output_kernel
    if name not in checkpoint.stored:
        return
    words = checkpoint.read(layouts.WORDS)
    if not np.array_equal(checkpoint.read(name), words):
        raise PretrainedError(
            f"The checkpoint in {folder.path} has {name} beside {layouts.WORDS}, and "
            "they differ; taken are heads whose output matrix is the embeddings'. "
            "Choose another model, or an adaptation.method that needs no such head."
        )
