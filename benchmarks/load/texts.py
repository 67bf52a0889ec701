"""Texts to send, all in memory."""

import pathlib

from model import contract
from serving.commands.texts import texts_of_file


def read_texts(path: pathlib.Path, column: str = contract.TEXT) -> list[str]:
    """The texts of a table, a JSON lines file, or one a line; none is blank.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no such column, or no text at all.
    """
    texts = list(texts_of_file(str(path), column))
    if not texts:
        raise ValueError(f"{path} holds no text.")
    return texts
