"""`--tune N` of `ktp run` and `ktp compile`."""

from collections.abc import Mapping

import click

from pipeline.config import MOST_TRIALS
from pipeline.errors import SettingError

_KEY = "tuner.trials"

TUNE_OPTION = click.option(
    "--tune",
    type=click.IntRange(1, MOST_TRIALS),
    metavar="N",
    help="Train N times to find better settings, then once with the best.",
)


def with_trials(settings: Mapping[str, str], tune: int | None) -> dict[str, str]:
    """Puts the number of trials among the settings.

    Raises:
        SettingError: They name another number.
    """
    if tune is None:
        return dict(settings)
    if settings.get(_KEY, str(tune)) != str(tune):
        raise SettingError(
            f"--tune is {tune} and {_KEY} is {settings[_KEY]}; give one of them."
        )
    return {**settings, _KEY: str(tune)}
