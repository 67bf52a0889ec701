"""The SavedModel that a server loads: text in, labels and scores out."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from model import contract
from model.export.warmup import write_warmup_requests
from model.text.special_tokens import SpecialIds

Tokenize = Callable[[tf.Tensor], tf.RaggedTensor]
"""`[B]` strings -> `[B, (T)]` token ids."""

_OUR_SPECIAL = SpecialIds()
_WARMUP_BATCH_SIZES = (1, 8)
_WARMUP_WORDS = (3, 12, 40)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answers:
    """What a served classifier says.

    `labels` are C names, in the order of the class ids; `top_k` of them are in an
    answer of `serving_default`, or all if C is smaller. `rejection` says when an answer
    is marked as "none of these"; without it none is, and there is no such output.
    """

    labels: Sequence[str]
    top_k: int
    rejection: contract.Rejection | None = None


class ServedClassifier(tf.Module):
    """A classifier with the tokeniser graph in front and the label names behind.

    Batch and length stay dynamic: a short request does not pay for
    `max_sequence_length`.

    Args:
        classifier: `[B, T]` token ids -> `[B, C]` logits.
        tokenize: the graph that training used.
        answers: what is said of the scores.
        special: which ids are no word pieces.
        tracked: what `tokenize` holds on to: tables, files, variables.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        tokenize: Tokenize,
        answers: Answers,
        special: SpecialIds = _OUR_SPECIAL,
        tracked: Sequence[tf.Module] = (),
    ) -> None:
        super().__init__(name="served_classifier")
        self._tracked = list(tracked)
        self._classifier_variables = [v.value for v in classifier.variables]
        self._labels = tf.constant(list(answers.labels))
        self._top_k = min(answers.top_k, len(answers.labels))
        self._special = special
        self._rejection = answers.rejection
        self._tokenize = tokenize
        self._classifier = _Untracked(classifier)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, contract.TEXT)])
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """`[B]` texts -> the `K` best `labels` and `scores`, best first.

        And `text_is_unknown` `[B]`: not one piece of the text is in the vocabulary.
        With a rejection also `is_rejected` `[B]`: the answer is "none of these".
        """
        token_ids = self._token_ids(text)
        scores, indices = tf.math.top_k(self._scores(token_ids), self._top_k)
        is_known = tf.reduce_any(~self._special.are_in(token_ids), axis=1)
        labels = tf.gather(self._labels, indices)
        answers = {
            contract.LABELS: labels,
            contract.SCORES: scores,
            contract.TEXT_IS_UNKNOWN: tf.logical_not(is_known),
        }
        if self._rejection is not None:
            is_rejected = _is_rejected(labels[:, 0], scores[:, 0], self._rejection)
            answers[contract.IS_REJECTED] = is_rejected
        return answers

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, contract.EXAMPLES)])
    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """`[B]` serialised tf.Examples -> every class and its score, label order."""
        features = {contract.TEXT: tf.io.FixedLenFeature([], tf.string)}
        text = tf.io.parse_example(inputs, features)[contract.TEXT]
        scores = self._scores(self._token_ids(text))
        classes = tf.tile(self._labels[tf.newaxis], [tf.shape(scores)[0], 1])
        return {contract.CLASSES: classes, contract.SCORES: scores}

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32, contract.TOKEN_IDS)]
    )
    def token_ids(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """`[B, T]` padded ids -> `[B, C]` scores in label order."""
        return {contract.SCORES: self._scores(token_ids)}

    def _token_ids(self, text: tf.Tensor) -> tf.Tensor:
        token_ids = self._tokenize(text).to_tensor(contract.PAD_ID)
        return tf.cast(token_ids, tf.int32)

    def _scores(self, token_ids: tf.Tensor) -> tf.Tensor:
        logits = self._classifier.model(token_ids, training=False)
        return tf.nn.softmax(tf.cast(logits, tf.float32))


def _is_rejected(
    labels: tf.Tensor, scores: tf.Tensor, rejection: contract.Rejection
) -> tf.Tensor:
    """Best labels and their scores `[B]` -> bool `[B]`, as `Rejection.rejects`."""
    is_unsure = scores < rejection.threshold
    if rejection.label is None:
        return is_unsure
    return tf.logical_or(is_unsure, labels == tf.constant(rejection.label))


class _Untracked:
    """Keeps the optimiser and the compile state of a model out of the SavedModel."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model


def export_saved_model(
    served: ServedClassifier, export_dir: str, words: Sequence[str]
) -> None:
    """Writes the SavedModel with its signatures and warm-up requests.

    Args:
        export_dir: a new folder.
        words: words of the vocabulary, which the warm-up requests are made of.
    """
    signatures = {
        contract.Signature.SERVING_DEFAULT.value: served.serving_default,
        contract.Signature.CLASSIFY.value: served.classify,
        contract.Signature.TOKEN_IDS.value: served.token_ids,
    }
    tf.saved_model.save(served, export_dir, signatures=signatures)
    texts = [_sentence(words, length) for length in _WARMUP_WORDS]
    write_warmup_requests(
        export_dir,
        [[text] * rows for rows in _WARMUP_BATCH_SIZES for text in texts],
    )


def _sentence(words: Sequence[str], length: int) -> str:
    return " ".join(words[position % len(words)] for position in range(length))


def load_signature(
    export_dir: str, signature: contract.Signature
) -> Callable[..., dict[str, tf.Tensor]]:
    """Loads a SavedModel and gives one of its signatures to call by keyword."""
    import tensorflow_text  # noqa: F401  Registers the tokeniser's ops.

    loaded = tf.saved_model.load(export_dir)
    # Not the bare signature: the variables live only as long as what was loaded.
    return lambda **inputs: loaded.signatures[signature.value](**inputs)


def load_scorer(export_dir: str) -> Callable[[Sequence[str | bytes]], tf.Tensor]:
    """Loads a SavedModel and gives `texts -> scores` `[B, C]` in label order."""
    classify = load_signature(export_dir, contract.Signature.CLASSIFY)

    def scores(texts: Sequence[str | bytes]) -> tf.Tensor:
        examples = tf.constant([text_example(text) for text in texts])
        return classify(**{contract.EXAMPLES: examples})[contract.SCORES]

    return scores


def text_example(text: str | bytes) -> bytes:
    """Wraps one text in a serialised tf.Example."""
    value = text.encode() if isinstance(text, str) else text
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    features = tf.train.Features(feature={contract.TEXT: feature})
    return tf.train.Example(features=features).SerializeToString()
