"""The SavedModel: what each signature answers, and what stands beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.config import ModelConfig
from model.export.saved_model import (
    Answers,
    ServedClassifier,
    export_saved_model,
    load_scorer,
    load_signature,
    text_example,
)
from model.text.special_tokens import SpecialIds
from model.text.tokenization import GraphTokenizer
from serving.edge.tokenizer import Tokenizer
from tests.support import nasty_texts
from tests.support.clear_classifier import clear_classifier

WORDS = ["rain", "sun", "soup", "bread", "train", "ticket"]
LABELS = ["food", "größe", "weather"]
TEXTS = ["rain and sun", "", "SOUP, bread!", "日本語", "train " * 40]
TOKENIZER = contract.TokenizerConfig(max_sequence_length=16)
Signatures = dict[contract.Signature, Callable[..., dict[str, tf.Tensor]]]
Scorer = Callable[[Sequence[str | bytes]], tf.Tensor]


def _classifier(vocabulary_size: int) -> keras.Model:
    config = ModelConfig(
        vocabulary_size=vocabulary_size,
        num_classes=len(LABELS),
        hidden_dim=16,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_sequence_length=TOKENIZER.max_sequence_length,
    )
    model = clear_classifier(config, seed=5, weight_factor=3)
    model.compile(optimizer="adam", loss="mse")  # As training leaves it.
    model.optimizer.build(model.trainable_variables)
    return model


def _served(
    folder: Path, rejection: contract.Rejection | None = None
) -> ServedClassifier:
    tokens = [*contract.SPECIAL_TOKENS, *WORDS]
    vocabulary = folder / contract.VOCABULARY_FILE
    vocabulary.write_text("".join(f"{token}\n" for token in tokens))
    tokenizer = GraphTokenizer(str(vocabulary), TOKENIZER)
    return ServedClassifier(
        _classifier(len(tokens)),
        tokenize=tokenizer,
        answers=Answers(labels=LABELS, top_k=2, rejection=rejection),
        tracked=[tokenizer],
    )


@pytest.fixture(scope="module")
def export_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("export")
    export_saved_model(_served(folder), str(folder / "model"), WORDS)
    # What is served must not need it.
    (folder / contract.VOCABULARY_FILE).unlink()
    return str(folder / "model")


@pytest.fixture(scope="module")
def signatures(export_dir: str) -> Signatures:
    """Each signature as a function, by its name."""
    return {name: load_signature(export_dir, name) for name in contract.Signature}


@pytest.fixture(scope="module")
def scorer(export_dir: str) -> Scorer:
    return load_scorer(export_dir)


@pytest.fixture(scope="module")
def scores(scorer: Scorer) -> np.ndarray:
    """`[N, C]` of TEXTS in label order."""
    return scorer(TEXTS).numpy()


def test_scores_are_a_distribution_over_every_label(scores: np.ndarray) -> None:
    assert scores.shape == (len(TEXTS), len(LABELS))
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)
    assert len({tuple(row) for row in scores.round(4)}) > 2  # It reads the texts.


def test_serving_default_gives_the_best_labels_first(
    signatures: Signatures, scores: np.ndarray
) -> None:
    answers = signatures[contract.Signature.SERVING_DEFAULT](text=tf.constant(TEXTS))
    assert answers[contract.LABELS].shape == (len(TEXTS), 2)
    for row, labels, values in zip(
        scores, answers[contract.LABELS], answers[contract.SCORES], strict=True
    ):
        best = np.argsort(-row)[:2]
        names = [label.decode() for label in labels.numpy()]
        assert names == [LABELS[index] for index in best]
        np.testing.assert_allclose(values, row[best], atol=1e-6)


def test_special_tokens_may_stand_anywhere_in_the_vocabulary() -> None:
    tokens = ["[PAD]", "rain", "[unused0]", *contract.SPECIAL_TOKENS[1:], "soup"]
    served = ServedClassifier(
        _classifier(len(tokens)),
        tokenize=GraphTokenizer(tokens, TOKENIZER),
        answers=Answers(labels=LABELS, top_k=2),
        special=SpecialIds.of(tokens),
    )
    answer = served.serving_default(tf.constant(["rain", "snow", "", "no soup"]))
    marks = answer[contract.TEXT_IS_UNKNOWN].numpy().tolist()
    assert marks == [False, True, True, False]


UNKNOWN = ("", " \u00a0 ", "日本語", "😀", "xyz?", b"\xff", "\0", "[UNK]", "word " * 40)
KNOWN = ("rain", "日本語 rain", "\u00a0rain", "x " * 13 + "rain")


def test_a_text_of_unknown_pieces_only_is_marked(signatures: Signatures) -> None:
    # The last one's only known word is beyond what the model reads.
    texts = [*UNKNOWN, *KNOWN, "x " * 14 + "rain"]
    answer = signatures[contract.Signature.SERVING_DEFAULT](text=tf.constant(texts))
    marks = answer[contract.TEXT_IS_UNKNOWN].numpy().tolist()
    assert marks == [True] * len(UNKNOWN) + [False] * len(KNOWN) + [True]


def test_the_device_marks_the_same_texts(signatures: Signatures) -> None:
    texts = [*nasty_texts.TEXTS, *(t for t in (*UNKNOWN, *KNOWN) if isinstance(t, str))]
    answer = signatures[contract.Signature.SERVING_DEFAULT](text=tf.constant(texts))
    tokenize = Tokenizer([*contract.SPECIAL_TOKENS, *WORDS], TOKENIZER)
    marks = [tokenize.is_unknown(tokenize(text)) for text in texts]
    assert answer[contract.TEXT_IS_UNKNOWN].numpy().tolist() == marks
    assert 0 < sum(marks) < len(marks)


@pytest.mark.parametrize(
    ("threshold", "label"),
    [(0.0, None), ("middle", None), (0.01, "weather"), (1.0, None)],
)
def test_the_graph_rejects_what_the_device_would(
    threshold: float | str, label: str | None, tmp_path: Path
) -> None:
    if threshold == "middle":  # Of what this classifier gives.
        served = _served(tmp_path)
        answer = served.serving_default(tf.constant(TEXTS + WORDS))
        threshold = float(np.median(answer[contract.SCORES].numpy()[:, 0]))
    rejection = contract.Rejection(threshold=threshold, label=label)
    served = _served(tmp_path, rejection)
    answer = served.serving_default(tf.constant(TEXTS + WORDS))
    labels, scores = (answer[key].numpy() for key in (contract.LABELS, contract.SCORES))
    rejected = [
        rejection.rejects([name.decode() for name in names], values)
        for names, values in zip(labels, scores, strict=True)
    ]
    assert answer[contract.IS_REJECTED].numpy().tolist() == rejected
    assert (sum(rejected) in (0, len(rejected))) == (threshold in (0.0, 1.0))


def test_a_model_without_a_threshold_says_nothing_of_rejecting(
    signatures: Signatures,
) -> None:
    answer = signatures[contract.Signature.SERVING_DEFAULT](text=tf.constant(TEXTS))
    assert contract.IS_REJECTED not in answer


def test_classify_names_every_class_in_label_order(signatures: Signatures) -> None:
    classify = signatures[contract.Signature.CLASSIFY]
    answer = classify(inputs=tf.constant([text_example("rain"), text_example(b"sun")]))
    for row in answer[contract.CLASSES].numpy():
        assert [name.decode() for name in row] == LABELS


def test_token_ids_are_scored_like_the_text_they_come_from(
    signatures: Signatures, scores: np.ndarray
) -> None:
    by_ids = signatures[contract.Signature.TOKEN_IDS]
    start, end = map(contract.SPECIAL_TOKENS.index, (contract.START, contract.END))
    soup, bread, unknown = 7, 8, contract.SPECIAL_TOKENS.index(contract.UNKNOWN)
    row = [start, soup, unknown, bread, unknown, end]
    padded = [*row, contract.PAD_ID, contract.PAD_ID]
    for ids in (row, padded):
        answer = by_ids(token_ids=tf.constant([ids], tf.int32))[contract.SCORES]
        np.testing.assert_allclose(answer[0], scores[2], atol=1e-5)


def test_a_batch_of_none_is_answered_with_none(signatures: Signatures) -> None:
    answers = signatures[contract.Signature.SERVING_DEFAULT](
        text=tf.constant([], tf.string)
    )
    assert answers[contract.SCORES].shape == (0, 2)


def test_an_answer_does_not_depend_on_its_neighbours(
    scorer: Scorer, scores: np.ndarray
) -> None:
    alone = scorer(["rain and sun"]).numpy()
    np.testing.assert_allclose(alone[0], scores[0], atol=1e-5)


def test_more_labels_than_there_are_means_all() -> None:
    tokens = [*contract.SPECIAL_TOKENS, *WORDS]
    served = ServedClassifier(
        _classifier(len(tokens)),
        tokenize=GraphTokenizer(tokens, TOKENIZER),
        answers=Answers(labels=LABELS, top_k=50),
    )
    answer = served.serving_default(tf.constant(["rain"]))
    assert answer[contract.LABELS].shape == (1, 3)


def test_warm_up_requests_are_short_and_long_alone_and_together(
    export_dir: str,
) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    path = Path(export_dir) / contract.WARMUP_FILE
    sizes, lengths = set(), set()
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        texts = tf.make_ndarray(request.inputs[contract.TEXT])
        assert request.model_spec.signature_name == "serving_default"
        sizes.add(len(texts))
        lengths.update(len(text.split()) for text in texts)
    assert (sizes, lengths) == ({1, 8}, {3, 12, 40})


def test_the_optimiser_is_not_exported(export_dir: str) -> None:
    variables = tf.train.list_variables(f"{export_dir}/variables/variables")
    assert variables
    assert not [name for name, _ in variables if "optimizer" in name]
