"""The encoder gives the numbers that transformers gives with the same weights."""

from pathlib import Path

import numpy as np
import pytest

from model import layers
from model.pretrained.checkpoint import Checkpoint
from model.pretrained.folder import PretrainedFolder
from model.pretrained.layouts import WORDS
from model.pretrained.masked_lm import load_masked_lm_head
from tests.support.pretrained.folders import SPECIAL
from tests.support.pretrained.loaded import loaded_classifier, states_and_vectors
from tests.support.reference.environment import needs_reference, run_reference
from tests.support.repository import ROOT

pytestmark = [pytest.mark.slow, needs_reference]
PROGRAM = ROOT / "tests" / "support" / "reference" / "transformers_states.py"
TOLERANCE = 1e-4
ROWS = 200


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("transformers")
    vocabulary = made / "vocab.txt"
    words = [*SPECIAL, *(f"word{row}" for row in range(ROWS - len(SPECIAL)))]
    vocabulary.write_text("".join(f"{word}\n" for word in words))
    run_reference(PROGRAM.read_text(), made, vocabulary)
    return made


@pytest.mark.parametrize(
    "name", ["bert", "bert-gelu_new", "distilbert", "electra", "electra-generator"]
)
def test_states_and_vectors_are_those_of_transformers(folders: Path, name: str) -> None:
    token_ids = np.load(folders / name / "token_ids.npy")
    expected, real = np.load(folders / name / "states.npy"), token_ids != 0
    model = loaded_classifier(PretrainedFolder.open(folders / name))
    states, vectors = states_and_vectors(model, token_ids)
    np.testing.assert_allclose(states[real], expected[real], atol=TOLERANCE)
    sums = (expected * real[..., None]).sum(axis=1)
    means = sums / real.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, means, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["bert", "distilbert", "electra-generator"])
def test_masked_lm_head_is_that_of_transformers(folders: Path, name: str) -> None:
    folder = PretrainedFolder.open(folders / name)
    head = load_masked_lm_head(folder)
    states = np.load(folders / name / "states.npy")
    inner = layers.activation(head.activation)(states @ head.kernel + head.bias)
    inner = np.asarray(inner) - np.mean(inner, axis=-1, keepdims=True)
    inner /= np.sqrt(np.mean(inner**2, axis=-1, keepdims=True) + head.epsilon)
    words = Checkpoint.of(folder).read(WORDS)
    logits = (inner * head.gamma + head.beta) @ words.T + head.output_bias
    expected = np.load(folders / name / "masked_lm.npy")
    np.testing.assert_allclose(logits, expected, atol=10 * TOLERANCE)
