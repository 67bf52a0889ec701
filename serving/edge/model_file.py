"""The parts of a device model: the TFLite file, and what stands beside it."""

from __future__ import annotations

import dataclasses
import io
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
    """A model, `content`, and what goes with it.

    `rejection` is None of a model that never rejects.
    """

    content: bytes = dataclasses.field(repr=False)
    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    tokenizer: contract.TokenizerConfig
    rejection: contract.Rejection | None = None


def read_model_file(path: str | os.PathLike[str]) -> ModelFile:
    """Reads the parts packed into the model, or else the plain files beside it.

    The file is read once and checked before a runtime sees it: tflite-runtime would end
    the process over some damaged files, and answer wrongly with others. A runtime that
    is given a path goes on reading from it, whatever is copied there later.

    Raises:
        ModelFileError: a part is missing or damaged, does not belong to the others, or
            `path` is not a TFLite model.
    """
    path = pathlib.Path(path)
    content = _read(path)
    parts = _packed_parts(path, content) or _parts_beside(path)
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
        content=content,
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


def _read(path: pathlib.Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"Cannot read {path}: {error.strerror}. Give the path of a .tflite file, "
            f"for example {contract.EDGE_DIR}/1/{contract.FLOAT32_TFLITE} of a run."
        ) from error
    head = content[:8]
    if head[4:] != TFLITE_IDENTIFIER:
        raise ModelFileError(
            f"{path} is not a TFLite model: its bytes 4 to 7 are {head[4:]!r}, not "
            f"{TFLITE_IDENTIFIER!r}. A server's SavedModel is a folder; this needs the "
            "file."
        )
    return content


def _packed_parts(path: pathlib.Path, content: bytes) -> dict[str, bytes]:
    """Reads the parts in the zip archive behind the model; none without an archive."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return {}
    wanted = {*_PARTS, contract.REJECTION_FILE, contract.DIGEST_FILE}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = wanted.intersection(archive.namelist())
            others = sorted({*archive.namelist()} - wanted)
            parts = {name: archive.read(name) for name in names}
            starts = [entry.header_offset for entry in archive.infolist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ModelFileError(
            f"{path} is damaged: {error}. Copy or export it again."
        ) from error
    if others and parts.keys() >= set(_PARTS):
        raise ModelFileError(
            f"{path} is damaged: {others[0]!r} is packed in, which no export writes. "
            "Copy or export it again."
        )
    digest = parts.pop(contract.DIGEST_FILE, None)
    if digest is not None:
        _check_digest(path, digest, memoryview(content)[: min(starts)], parts)
    return parts if parts.keys() >= set(_PARTS) else {}


def _check_digest(
    path: pathlib.Path,
    digest: bytes,
    model: memoryview,
    parts: dict[str, bytes],
) -> None:
    """Files of before there was one have none, and are taken as they are."""
    try:
        written = json.loads(digest)
        version = written["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{path} is damaged: its digest cannot be read. Copy or export it again."
        ) from error
    if version != contract.DIGEST_FORMAT:
        raise ModelFileError(
            f"{path} has format {version!r}; this ktp-edge reads format "
            f"{contract.DIGEST_FORMAT}. Install a newer one."
        )
    if json.loads(contract.digest_of(model, parts)) != written:
        raise ModelFileError(
            f"{path} is damaged, or its model, vocabulary, labels and tokeniser do not "
            "belong together: their SHA-256 is not the one that was written when it "
            "was exported. Copy or export it again."
        )


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
