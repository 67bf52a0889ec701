"""Configuration files in protobuf's text format."""

import pathlib
from typing import Any

from google.protobuf import text_format

from serving import protos
from serving.server.status import invalid_argument


def read_text_message(path: str | pathlib.Path, message_class: Any) -> Any:
    """The message in a file.

    Raises:
        StatusError: INVALID_ARGUMENT, the file cannot be read, or is no such message.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise invalid_argument(f"Cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise invalid_argument(f"Cannot read {path}: {error}") from None
    return parse_text(text, message_class, path)


def parse_text(text: str, message_class: Any, path: str | pathlib.Path) -> Any:
    """The message in a text that came from `path`.

    Raises:
        StatusError: INVALID_ARGUMENT, in upstream's words.
    """
    try:
        return text_format.Parse(text, message_class(), descriptor_pool=protos.pool())
    except text_format.ParseError as error:
        name = message_class.DESCRIPTOR.full_name
        raise invalid_argument(
            f"Invalid protobuf file: '{path}': "
            f"Error parsing text-format {name}: {error}"
        ) from None
