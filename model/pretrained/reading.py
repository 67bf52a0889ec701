"""Reads the JSON files of a pretrained folder. Standard library only."""

import json
from pathlib import Path
from typing import Any

from model.settings import quoted


class PretrainedError(ValueError):
    """A pretrained folder cannot be used; the message names the file and the cure."""


def read_object(path: Path) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Raises:
        PretrainedError: It cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PretrainedError(
            f"{path} cannot be read: {error.strerror}. It is a part of Hugging Face's "
            "layout; copy the whole folder."
        ) from error
    except ValueError as error:  # Neither JSON nor UTF-8.
        raise PretrainedError(
            f"{path} is no JSON: {error}. Copy or download it again."
        ) from error
    if not isinstance(value, dict):
        raise PretrainedError(
            f"{path} holds {quoted(value)}, not a JSON object. Copy it again."
        )
    return value


def read_optional(path: Path) -> dict[str, Any]:
    """Reads as `read_object` does; a file that is not there is an empty object."""
    return read_object(path) if path.exists() else {}


def whole_number(values: dict[str, Any], key: str, path: Path) -> int:
    """Gives `values[key]`, which must be a whole number above 0.

    Raises:
        PretrainedError: It is missing, or something else.
    """
    value = values.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = quoted(value) if key in values else "missing"
    raise PretrainedError(
        f"{path}: {key} is {found}; it must be a whole number above 0. Copy or "
        "download the file again."
    )
