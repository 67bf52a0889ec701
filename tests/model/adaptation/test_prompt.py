"""Templates: every token stands where the text would have it if it were written."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.adaptation.config import AdaptationConfig
from model.adaptation.prompt import MaskedState, Prompt, SoftPrompt, Template

VOCABULARY = ["[PAD]", "x", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "it", "was", ".", "a"]
VOCABULARY += ["card", "arrival", "great", "poor"]
ID = {token: index for index, token in enumerate(VOCABULARY)}
START, END = ID[contract.START], ID[contract.END]
TOKEN_IDS = np.array(
    [
        [START, ID["a"], ID["card"], END, 0, 0],
        [START, ID["a"], END, 0, 0, 0],
        [START, ID["card"], ID["a"], ID["card"], ID["a"], END],
        [START, END, 0, 0, 0, 0],
    ],
    np.int32,
)


def tokenize(texts: list[str]) -> list[list[int]]:
    split = [text.replace(".", " .").split() for text in texts]
    return [[ID.get(word, ID[contract.UNKNOWN]) for word in words] for words in split]


def prompt_of(labels: tuple[str, ...] = ("card_arrival",), **settings) -> Prompt:
    config = AdaptationConfig(method="prompt", **settings)
    return Prompt.of(config, labels, VOCABULARY, tokenize)


def as_written(ids: np.ndarray, positions: np.ndarray) -> list[str]:
    """The tokens of a row in the order of their positions, without padding."""
    shown = {int(p): VOCABULARY[i] for i, p in zip(ids, positions, strict=True) if i}
    assert sorted(shown) == list(range(len(shown))), "a gap, or two in one place"
    return [shown[position] for position in sorted(shown)]


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("{text} it was {mask}.", "[CLS] {} it was [MASK] . [SEP]"),
        ("it was {mask}: {text}", "[CLS] it [UNK] [MASK] [UNK] {} [SEP]"),
        ("{mask} {text}", "[CLS] [MASK] {} [SEP]"),
        ("a {text}. {mask}", "[CLS] a {} . [MASK] [SEP]"),
    ],
)
def test_a_row_reads_as_its_text_inside_the_template(template: str, written: str):
    prompt = prompt_of(template=template.replace("was {mask}:", "uh {mask} uh"))
    ids, positions = Template(prompt.before, prompt.after, 0)(TOKEN_IDS)
    texts = ["a card", "a", "card a card a", ""]
    for row, place, text in zip(ids.numpy(), positions.numpy(), texts, strict=True):
        assert as_written(row, place) == written.format(text).split()


def test_soft_vectors_stand_between_the_start_and_the_rest():
    prompt = prompt_of()
    ids, positions = Template(prompt.before, prompt.after, 3)(TOKEN_IDS)
    bias = np.where(ids.numpy() == 0, -30.0, 0.0).astype("float32")
    states = tf.zeros([*ids.shape, 8])
    layer = SoftPrompt(3)
    longer, places, longer_bias = layer(states, positions, bias)
    assert longer.shape == (4, ids.shape[1] + 3, 8)
    np.testing.assert_array_equal(longer[1, -3:], layer.vectors)
    for row, place in zip(longer_bias.numpy(), places.numpy(), strict=True):
        shown = sorted(place[row == 0])
        assert shown == list(range(len(shown)))


def test_more_padding_changes_nothing_that_is_shown():
    prompt = prompt_of()
    layer = Template(prompt.before, prompt.after, 0)
    short, long = TOKEN_IDS[:2, :4], np.pad(TOKEN_IDS[:2, :4], ((0, 0), (0, 5)))
    for row in range(2):
        first, second = (
            as_written(*(np.asarray(part)[row] for part in layer(ids)))
            for ids in (short, long)
        )
        assert first == second


def test_the_mask_has_the_same_place_in_every_row():
    prompt = prompt_of()
    ids, _ = Template(prompt.before, prompt.after, 0)(TOKEN_IDS)
    states = keras.ops.one_hot(ids, len(VOCABULARY))
    found = MaskedState(prompt.mask_index)(states)
    assert (np.argmax(found, axis=-1) == ID[contract.MASK]).all()


def test_a_label_is_read_from_its_own_words():
    assert prompt_of().label_pieces == (((ID["card"], ID["arrival"]),),)


def test_words_of_the_settings_go_before_the_labels_own():
    prompt = prompt_of(("x1", "card"), verbalizer='{"x1": ["great", "poor"]}')
    assert prompt.label_pieces == (
        ((ID["great"],), (ID["poor"],)),
        ((ID["card"],),),
    )


def test_a_label_that_no_word_piece_spells_is_refused_with_a_cure():
    with pytest.raises(ValueError, match=r"label 'π'.*adaptation.verbalizer"):
        prompt_of(("π",))
