"""What a way of fine-tuning asks of a run: weights, labels, a learning rate.

What does not fit is refused before anything is trained.
"""

import dataclasses
from collections.abc import Collection, Mapping

from model.adaptation.config import AdaptationConfig, Method, learning_rate
from model.config import TrainingConfig
from model.pretrained.folder import PretrainedFolder
from model.settings import quoted
from pipeline.errors import SettingError

_SHOWN_LABELS = 5


def with_own_rate(
    training: TrainingConfig,
    adaptation: AdaptationConfig,
    overrides: Mapping[str, str],
) -> TrainingConfig:
    """Takes the method's learning rate where nobody chose one."""
    rate = learning_rate(adaptation)
    if rate is None or f"{TrainingConfig.section}.learning_rate" in overrides:
        return training
    return dataclasses.replace(training, learning_rate=rate)


def check_weights(
    adaptation: AdaptationConfig, pretrained: PretrainedFolder | None
) -> None:
    """Compares the method with the pretrained weights that there are.

    Raises:
        SettingError: It needs some that are not there.
    """
    if pretrained is None:
        _refuse_without_weights(adaptation)
    elif adaptation.method.reads_masked_word and not _has_masked_head(pretrained):
        raise SettingError(
            f"adaptation.method is {adaptation.method}, which reads a masked word, and "
            f"the checkpoint in {pretrained.path} was saved without its masked-LM "
            "head. Name one that has it, such as a BertForMaskedLM, or take another "
            "method: lora, full."
        )


def _refuse_without_weights(adaptation: AdaptationConfig) -> None:
    needing = {
        "method": adaptation.method is not Method.FULL,
        "layer_decay": adaptation.layer_decay != 1,
        "unfreeze_epochs": adaptation.unfreeze_epochs > 0,
    }
    for name in (name for name, is_set in needing.items() if is_set):
        raise SettingError(
            f"adaptation.{name} is {getattr(adaptation, name)}, and there are no "
            "pretrained weights to keep: from scratch every weight must be trained, "
            "and alike. Name weights with --pretrained, or leave the setting out."
        )


def check_words(adaptation: AdaptationConfig, labels: Collection[str]) -> None:
    """Compares the labels that the verbalizer names with those of the data.

    Raises:
        SettingError: It names one that the data does not have.
    """
    unknown = sorted(set(adaptation.words).difference(labels))
    if unknown:
        some = ", ".join(sorted(labels)[:_SHOWN_LABELS])
        raise SettingError(
            f"adaptation.verbalizer has words for {quoted(unknown[0])}, which is no "
            f"label of the data; its {len(labels)} labels are {some}"
            f"{' and others' if len(labels) > _SHOWN_LABELS else ''}."
        )


def _has_masked_head(pretrained: PretrainedFolder) -> bool:
    # Reads tensors with NumPy, which other commands do not wait for.
    from model.pretrained.masked_lm import has_masked_lm_head

    return has_masked_lm_head(pretrained)
