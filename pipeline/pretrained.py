"""Settings of a run that begins with a pretrained encoder."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from model import contract
from model.config import FINE_TUNING, ModelConfig
from model.pretrained.reading import PretrainedError
from model.pretrained.source import PretrainedSource, found
from pipeline import fine_tuning
from pipeline.config import RunConfig
from pipeline.errors import SettingError
from pipeline.teacher import Teacher

if TYPE_CHECKING:
    from model.pretrained.folder import PretrainedFolder

PRESET = "pretrained"
"""What stands in the place of a preset's name."""
_MAX_SEQUENCE_LENGTH = 128
"""Where the encoder has as many positions; shorter texts do not pay for it."""
_DROPOUT = 0.2
"""Few rows, many weights. Encoders are published with 0.1, for their pretraining; see
docs/decisions/accuracy.md for what both gave on four data sets."""


def pretrained_config(
    text: str, overrides: Mapping[str, str], teacher: Teacher | None = None
) -> RunConfig:
    """Makes the settings of `--pretrained` and `--set`.

    The encoder decides how text is cut and what form the model has; how it is trained
    is `model.config.FINE_TUNING`, unless `overrides` say otherwise.

    Raises:
        SettingError: The encoder cannot be had or is not taken, or a setting is not
            allowed, or contradicts it.
    """
    with _refusing(), found(text) as (source, folder):
        from model.pretrained.architecture import check_fits
        from model.pretrained.checkpoint import check_weights

        defaults = dataclasses.replace(_defaults(source, folder), teacher=teacher)
        config = defaults.changed(overrides)
        check_fits(config.model, folder)
        check_weights(folder)
        fine_tuning.check_weights(config.adaptation, folder)
        _check_text(config, folder)
    return config


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except PretrainedError as error:
        raise SettingError(str(error)) from error


def _defaults(source: PretrainedSource, folder: "PretrainedFolder") -> RunConfig:
    from model.pretrained.architecture import model_settings

    plain = RunConfig.of()
    return dataclasses.replace(
        plain,
        preset=PRESET,
        pretrained=source,
        text=dataclasses.replace(plain.text, **_text_settings(folder)),
        model=ModelConfig(
            vocabulary_size=len(folder.vocabulary),
            max_sequence_length=min(_MAX_SEQUENCE_LENGTH, folder.max_positions),
            dropout=_DROPOUT,
            **model_settings(folder),
        ),
        training=FINE_TUNING,
    )


def _text_settings(folder: "PretrainedFolder") -> dict[str, Any]:
    return {
        "tokenizer": contract.TokenizerSpec.BERT,
        "lower_case": folder.tokenizer.lower_case,
        "strip_accents": folder.tokenizer.strip_accents,
        "tokenize_chinese_chars": folder.tokenizer.tokenize_chinese_chars,
    }


def _check_text(config: RunConfig, folder: "PretrainedFolder") -> None:
    wrong = [
        f"text.{name} {getattr(config.text, name)} instead of {value}"
        for name, value in _text_settings(folder).items()
        if getattr(config.text, name) != value
    ]
    if config.model.vocabulary_size != len(folder.vocabulary):
        wrong.append(
            f"model.vocabulary_size {config.model.vocabulary_size} instead of "
            f"{len(folder.vocabulary)}"
        )
    if wrong:
        raise SettingError(
            f"The encoder in {folder.path} decides how text is cut, and the settings "
            f"differ: {', '.join(wrong)}. Leave these settings out."
        )
