"""Options that several commands take."""

from collections.abc import Sequence

import click

from pipeline.errors import SettingError


def key_values(
    _: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    """Reads `("key=value", ...)` as a mapping, for options that may repeat.

    Raises:
        SettingError: One of them is not `key=value`.
    """
    pairs = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not (key.strip() and equals):
            raise SettingError(
                f"{parameter.opts[0]} {text} is not KEY=VALUE. For example: "
                f"{parameter.opts[0]} training.max_epochs=5."
            )
        pairs[key.strip()] = value.strip()
    return pairs
