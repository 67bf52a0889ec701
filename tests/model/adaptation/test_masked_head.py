"""A checkpoint's masked-LM head says a label's words before anything is trained."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.adaptation.adapted import Adapted
from model.adaptation.config import AdaptationConfig
from model.adaptation.prompt import Prompt
from model.config import ModelConfig
from model.pretrained.architecture import model_settings
from model.pretrained.folder import PretrainedFolder
from model.pretrained.reading import PretrainedError
from tests.support.pretrained.folders import HIDDEN, POSITIONS, TOKENS, write_folder

ID = {token: index for index, token in enumerate(TOKENS)}
PROMPT = Prompt(
    before=(ID["[CLS]"],),
    after=(ID["is"], ID["[MASK]"], ID["[SEP]"]),
    mask_id=ID["[MASK]"],
    soft_length=0,
    label_pieces=(((ID["good"],),), ((ID["bad"],), (ID["card"], ID["##ed"]))),
)
CONFIG = AdaptationConfig(method="prompt")
ROW = np.array([[ID["[CLS]"], ID["my"], ID["money"], ID["[SEP]"], 0]], np.int32)


@pytest.fixture
def folder(tmp_path: Path) -> PretrainedFolder:
    write_folder(tmp_path)
    random = np.random.default_rng(7)
    head = {
        "cls.predictions.transform.dense.weight": (HIDDEN, HIDDEN),
        "cls.predictions.transform.dense.bias": (HIDDEN,),
        "cls.predictions.transform.LayerNorm.weight": (HIDDEN,),
        "cls.predictions.transform.LayerNorm.bias": (HIDDEN,),
        "cls.predictions.bias": (len(TOKENS),),
    }
    tensors = {
        name: random.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in head.items()
    }
    path = tmp_path / "model.safetensors"
    save_file(load_file(path) | tensors, path)
    return PretrainedFolder.open(tmp_path)


def model_config(folder: PretrainedFolder, length: int = 24) -> ModelConfig:
    return ModelConfig(
        vocabulary_size=len(TOKENS),
        num_classes=2,
        max_sequence_length=length,
        **model_settings(folder) | {"dropout": 0.0},
    )


def adapted(folder: PretrainedFolder, prompt: Prompt = PROMPT, length: int = 24):
    config = model_config(folder, length)
    return Adapted(model=config, adaptation=CONFIG, prompt=prompt, pretrained=folder)


def expected_logits(folder: PretrainedFolder) -> np.ndarray:
    """The text written into the template, the plain encoder, the head in numpy."""
    plain = Adapted(model=model_config(folder), pretrained=folder).start()
    states = keras.Model(plain.input, plain.get_layer("block_1").output)
    written = [ID[t] for t in ("[CLS]", "my", "money", "is", "[MASK]", "[SEP]")]
    state = np.asarray(states(np.array([written], np.int32)))[0, 4]
    path = folder.path / "model.safetensors"
    tensors, head = load_file(path), "cls.predictions."
    weight = tensors[f"{head}transform.dense.weight"]
    state = weight @ state + tensors[f"{head}transform.dense.bias"]
    state = np.asarray(keras.ops.gelu(state, approximate=False))
    state = (state - state.mean()) / np.sqrt(state.var() + 1e-12)
    state = state * tensors[f"{head}transform.LayerNorm.weight"]
    state = state + tensors[f"{head}transform.LayerNorm.bias"]
    words = tensors["embeddings.word_embeddings.weight"] @ state
    words = words + tensors[f"{head}bias"]
    spelt = (words[ID["card"]] + words[ID["##ed"]]) / 2
    return np.array([words[ID["good"]], (words[ID["bad"]] + spelt) / 2])


def test_a_label_scores_what_the_masked_lm_head_says_of_its_words(
    folder: PretrainedFolder,
):
    logits = np.asarray(adapted(folder).start()(ROW))[0]
    np.testing.assert_allclose(logits, expected_logits(folder), atol=1e-4)


def test_a_template_that_leaves_the_text_too_few_positions_is_refused(
    folder: PretrainedFolder,
):
    with pytest.raises(PretrainedError, match="Set model.max_sequence_length=36"):
        adapted(folder, length=POSITIONS - 3).start()


def test_soft_vectors_need_positions_too(folder: PretrainedFolder):
    longer = dataclasses.replace(PROMPT, soft_length=20)
    with pytest.raises(PretrainedError, match="Set model.max_sequence_length=16"):
        adapted(folder, longer).start()
