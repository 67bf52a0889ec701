"""What stands beside a device model: read from the file, or from its folder."""

import io
import pathlib
import random
import zipfile

import numpy as np
import pytest

from model import contract
from model.export import tflite
from serving.edge import EdgeClassifier, ModelFileError
from serving.edge.model_file import read_model_file
from tests.support import device_model, nasty_texts

LABEL = device_model.LABELS[1]


def packed(path: pathlib.Path, rejection: contract.Rejection | None) -> pathlib.Path:
    path.write_bytes(
        tflite.pack(
            device_model.converted(quantize=False),
            vocabulary=nasty_texts.vocabulary(),
            labels=device_model.LABELS,
            tokenizer_config=device_model.TOKENIZER,
            rejection=rejection,
        )
    )
    return path


def test_a_file_says_when_it_rejects_and_one_without_never_does(
    tmp_path: pathlib.Path,
) -> None:
    rejection = contract.Rejection(threshold=0.25, label=LABEL)
    path = packed(tmp_path / "model.tflite", rejection)
    assert read_model_file(path).rejection == rejection
    assert read_model_file(packed(path, None)).rejection is None


def test_what_lies_beside_a_whole_file_does_not_count(tmp_path: pathlib.Path) -> None:
    path = packed(tmp_path / "model.tflite", None)
    other = contract.Rejection(threshold=0.25).to_json()
    (tmp_path / contract.REJECTION_FILE).write_text(other)
    assert read_model_file(path).rejection is None


def test_a_bare_file_takes_it_from_beside(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(device_model.converted(quantize=False))
    for name, text in (
        (contract.VOCABULARY_FILE, "\n".join(nasty_texts.vocabulary())),
        (contract.LABELS_FILE, "\n".join(device_model.LABELS)),
        (contract.TOKENIZER_FILE, device_model.TOKENIZER.to_json()),
    ):
        (tmp_path / name).write_text(text)
    assert read_model_file(path).rejection is None
    rejection = contract.Rejection(threshold=0.5)
    (tmp_path / contract.REJECTION_FILE).write_text(rejection.to_json())
    assert read_model_file(path).rejection == rejection


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"threshold": 2}', "threshold is 2; allowed: 0 to 1"),
        ('{"threshold": NaN}', "threshold is nan"),
        ('{"threshold": 0.5, "label": "other"}', "'other' is rejected, and is no"),
        ('{"threshold": 0.5, "rule": 3}', "rule"),
        ("{", "cannot be read"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(
    text: str, problem: str, tmp_path: pathlib.Path
) -> None:
    test_a_bare_file_takes_it_from_beside(tmp_path)
    (tmp_path / contract.REJECTION_FILE).write_text(text)
    with pytest.raises(ModelFileError, match=problem):
        read_model_file(tmp_path / "model.tflite")


def test_the_device_marks_what_its_file_rejects(tmp_path: pathlib.Path) -> None:
    texts = nasty_texts.TEXTS
    plain = EdgeClassifier(packed(tmp_path / "plain.tflite", None)).classify(texts)
    assert not any(one.is_rejected for one in plain)
    threshold = sorted(one.score for one in plain)[len(plain) // 2]
    rejection = contract.Rejection(threshold=threshold, label=LABEL)
    found = EdgeClassifier(packed(tmp_path / "model.tflite", rejection)).classify(texts)
    for before, after in zip(plain, found, strict=True):
        assert after.is_rejected == (before.score < threshold or before.label == LABEL)
        assert (after.labels, after.scores) == (before.labels, before.scores)
        assert ("is_rejected" in after.to_dict()) == after.is_rejected
    assert len({one.is_rejected for one in found}) == 2


def repacked(content: bytes, **changed: bytes | None) -> bytes:
    """The same model with some of the files behind it replaced, or left out."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        parts = {entry.filename: archive.read(entry) for entry in entries}
    new = io.BytesIO(content[: min(entry.header_offset for entry in entries)])
    with zipfile.ZipFile(new, "a") as archive:
        for name, text in parts.items():
            text = changed.get(name.partition(".")[0], text)
            if text is not None:
                archive.writestr(name, text)
    return new.getvalue()


def test_every_flipped_byte_is_refused_before_a_runtime_sees_it(
    tmp_path: pathlib.Path,
) -> None:
    content, path = device_model.packed(quantize=True), tmp_path / "m.tflite"
    chance = random.Random(5)
    places = {*range(8, 40), *(chance.randrange(8, len(content)) for _ in range(300))}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = min(entry.header_offset for entry in archive.infolist())
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            found = read_model_file(path)
        except ModelFileError:
            continue
        # Of the archive's own notes (times, versions) nothing is ever used.
        assert place >= start
        assert found == read_back(content, tmp_path)


def read_back(content: bytes, folder: pathlib.Path) -> object:
    path = folder / "whole.tflite"
    path.write_bytes(content)
    whole = read_model_file(path)
    damaged = (folder / "m.tflite").read_bytes()
    return type(whole)(**{**vars(whole), "content": damaged})


@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.1])
def test_a_file_that_is_cut_off_is_refused(tmp_path: pathlib.Path, kept: float) -> None:
    content, path = device_model.packed(), tmp_path / "m.tflite"
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ModelFileError, match="cut off|damaged"):
        read_model_file(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": "\n".join(reversed(device_model.LABELS)).encode()},
        {"labels": b"card\ncard\ncash\n"},
        {"vocab": "\n".join(reversed(nasty_texts.vocabulary())).encode()},
        {"tokenizer": contract.TokenizerConfig(spec="unicode").to_json().encode()},
    ],
)
def test_files_of_another_model_are_refused(
    tmp_path: pathlib.Path, changed: dict[str, bytes]
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(repacked(device_model.packed(), **changed))
    with pytest.raises(ModelFileError, match="do not belong together"):
        read_model_file(path)


def test_a_later_format_is_refused_and_a_file_of_before_is_read(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(repacked(device_model.packed(), digest=b'{"format": 2}'))
    with pytest.raises(ModelFileError, match="has format 2.*Install a newer one"):
        read_model_file(path)
    path.write_bytes(repacked(device_model.packed(), digest=None))
    assert read_model_file(path).labels == device_model.LABELS


def test_a_file_in_use_may_be_written_over(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(device_model.packed())
    with EdgeClassifier(path) as classifier:
        before = classifier.scores(["card cash"])
        with path.open("r+b") as file:
            file.truncate(100)
            file.write(b"x" * 5000)
        np.testing.assert_array_equal(classifier.scores(["card cash"]), before)
