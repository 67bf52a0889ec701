"""Configuration files in protobuf's text format: read, parsed, refused.

The settings classes raise `ValueError` and are the same for the launcher, which writes
such files. Here the server turns that into its status.
"""

import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf import text_format

from serving.client import protos
from serving.server.status import invalid_argument

_Settings = TypeVar("_Settings")


class TextFormatError(ValueError):
    """A text that is not the message it should be."""


def read_settings(
    path: str | pathlib.Path, from_text: Callable[[str], _Settings]
) -> _Settings:
    """Reads a file and gives what `from_text` makes of it.

    Raises:
        StatusError: INVALID_ARGUMENT, the file cannot be read, or `from_text` refused
            it, in upstream's words.
    """
    try:
        return from_text(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise invalid_argument(f"Cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise invalid_argument(f"Cannot read {path}: {error}") from None
    except TextFormatError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}': {error}") from None
    except ValueError as error:
        raise invalid_argument(str(error)) from None


def parse_message(text: str, message_class: Any) -> Any:
    """Parses the message in a text.

    Raises:
        TextFormatError: in upstream's words.
    """
    try:
        return text_format.Parse(text, message_class(), descriptor_pool=protos.pool())
    except text_format.ParseError as error:
        name = message_class.DESCRIPTOR.full_name
        raise TextFormatError(f"Error parsing text-format {name}: {error}") from None
