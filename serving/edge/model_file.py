"""The parts of a device model: the TFLite file, and what stands beside it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import zipfile

from . import contract
from .errors import ModelFileError

TFLITE_IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of every TFLite model."""
_PARTS = (contract.VOCABULARY_FILE, contract.LABELS_FILE, contract.TOKENIZER_FILE)


@dataclasses.dataclass(frozen=True, **contract.KEYWORD_ONLY)
class ModelFile:
    """What goes with a model; `rejection` is None of a model that never rejects."""

    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    tokenizer: contract.TokenizerConfig
    rejection: contract.Rejection | None = None


def read_model_file(path: str | os.PathLike[str]) -> ModelFile:
    """Reads the parts packed into the model, or else the plain files beside it.

    Raises:
        ModelFileError: a part is missing or damaged, or `path` is not a TFLite model.
    """
    path = pathlib.Path(path)
    _check_identifier(path)
    parts = _packed_parts(path) or _parts_beside(path)
    try:
        vocabulary, labels, tokenizer = (parts[name].decode() for name in _PARTS)
        config = contract.TokenizerConfig.from_json(tokenizer)
        rejection = _rejection(parts, contract.parse_lines(labels))
    except (TypeError, ValueError, json.JSONDecodeError) as error:
        raise ModelFileError(
            f"{path}: the files packed with the model cannot be read: {error}. "
            "Export the model again."
        ) from error
    return ModelFile(
        vocabulary=tuple(contract.parse_lines(vocabulary)),
        labels=tuple(contract.parse_lines(labels)),
        tokenizer=config,
        rejection=rejection,
    )


def _rejection(parts: dict[str, bytes], labels: list[str]) -> contract.Rejection | None:
    text = parts.get(contract.REJECTION_FILE)
    if text is None:
        return None
    rejection = contract.Rejection.from_json(text.decode())
    if rejection.label is not None and rejection.label not in labels:
        raise ValueError(f"{rejection.label!r} is rejected, and is no label")
    return rejection


def _check_identifier(path: pathlib.Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelFileError(
            f"Cannot read {path}: {error.strerror}. Give the path of a .tflite file, "
            f"for example {contract.EDGE_DIR}/1/{contract.FLOAT32_TFLITE} of a run."
        ) from error
    if head[4:] != TFLITE_IDENTIFIER:
        raise ModelFileError(
            f"{path} is not a TFLite model: its bytes 4 to 7 are {head[4:]!r}, not "
            f"{TFLITE_IDENTIFIER!r}. A server's SavedModel is a folder; this needs the "
            "file."
        )


def _packed_parts(path: pathlib.Path) -> dict[str, bytes]:
    """Reads the parts in the zip archive behind the model; none without an archive."""
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = {*_PARTS, contract.REJECTION_FILE}.intersection(archive.namelist())
            parts = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError) as error:
        raise ModelFileError(
            f"{path} is damaged: {error}. Copy or export it again."
        ) from error
    return parts if parts.keys() >= set(_PARTS) else {}


def _parts_beside(path: pathlib.Path) -> dict[str, bytes]:
    files = {name: path.with_name(name) for name in _PARTS}
    missing = [name for name, file in files.items() if not file.is_file()]
    optional = path.with_name(contract.REJECTION_FILE)
    if optional.is_file():
        files[contract.REJECTION_FILE] = optional
    if missing:
        raise ModelFileError(
            f"{path} has no vocabulary and labels packed in, and beside it there is no "
            f"{', '.join(missing)}. Either the file is cut off, or it is not one that "
            "`ktp run` made."
        )
    return {name: file.read_bytes() for name, file in files.items()}
