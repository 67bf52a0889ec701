"""From the options of `ktp run` and `ktp compile` to the settings of a run."""

from collections.abc import Mapping

import click

from pipeline import fine_tuning
from pipeline.config import DEFAULT_PRESET, RunConfig
from pipeline.errors import SettingError
from pipeline.teacher import Teacher

PRETRAINED_OPTION = click.option(
    "--pretrained",
    metavar="DIR_OR_NAME[@REVISION]",
    help="Begin with a BERT, DistilBERT or ELECTRA in Hugging Face's layout: a folder, "
    "or a name on the Hub. It decides the model's form and how text is cut.",
)


def run_config(
    preset: str | None,
    pretrained: str | None,
    overrides: Mapping[str, str],
    teacher: Teacher | None = None,
) -> RunConfig:
    """Makes the settings; a preset and a pretrained encoder exclude each other.

    Raises:
        SettingError: Both are given, or one of them is not allowed.
    """
    if pretrained is None:
        config = RunConfig.of(preset or DEFAULT_PRESET, overrides, teacher=teacher)
        fine_tuning.check_weights(config.adaptation, None)
        return config
    if preset is not None:
        raise SettingError(
            "--preset and --pretrained exclude each other: the encoder decides the "
            "model's form. Leave one out; --set changes how it is trained."
        )
    if not pretrained:
        raise SettingError("--pretrained is empty; name a folder or a model.")
    from pipeline.pretrained import pretrained_config

    return pretrained_config(pretrained, overrides, teacher)
