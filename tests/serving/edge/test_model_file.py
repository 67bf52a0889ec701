"""What stands beside a device model: read from the file, or from its folder."""

import pathlib

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
