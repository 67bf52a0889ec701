"""Options that several commands take."""

from collections.abc import Sequence

import click

from model.settings import quoted
from pipeline.errors import SettingError


def key_values(
    _: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    """Reads `("key=value", ...)` as a mapping, for options that may repeat.

    Raises:
        SettingError: One of them is not `key=value`, or two contradict each other.
    """
    pairs: dict[str, str] = {}
    option = parameter.opts[0]
    for text in values:
        key, equals, value = text.partition("=")
        if not (key.strip() and equals):
            raise SettingError(
                f"{option} {quoted(text)} is not KEY=VALUE. For example: "
                f"{option} training.max_epochs=5."
            )
        name, value = key.strip(), value.strip()
        if pairs.setdefault(name, value) != value:
            raise SettingError(
                f"{option} names {quoted(name)} twice, as {quoted(pairs[name])} and as "
                f"{quoted(value)}; give it once."
            )
    return pairs
