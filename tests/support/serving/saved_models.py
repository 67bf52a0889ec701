"""Small real SavedModels for the server tests. Importing this loads TensorFlow."""

import pathlib

import tensorflow as tf
import tensorflow_text

from model import contract

LABELS = ("billing", "delivery", "praise", "returns")


class TextModel(tf.Module):
    """Tokenizer, table, embedding and two dense layers: a text classifier in small."""

    def __init__(self, hidden_dim: int = 256, intermediate_dim: int = 512) -> None:
        super().__init__()
        words = ["[PAD]", "[UNK]", *(f"w{number}" for number in range(5000))]
        table = tf.lookup.KeyValueTensorInitializer(
            words, tf.range(len(words), dtype=tf.int64)
        )
        random = tf.random.Generator.from_seed(7)
        self.ids = tf.lookup.StaticHashTable(table, 1)
        self.tokenizer = tensorflow_text.WhitespaceTokenizer()
        self.embedding = tf.Variable(random.normal([len(words), hidden_dim]))
        self.dense = tf.Variable(random.normal([hidden_dim, intermediate_dim]) / 16)
        self.head = tf.Variable(random.normal([intermediate_dim, len(LABELS)]) / 45)
        self.labels = tf.Variable(LABELS)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.TEXT)])
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Labels and scores, best first."""
        tokens = self.tokenizer.tokenize(text).to_tensor("[PAD]")
        ids = self.ids.lookup(tokens)
        states = tf.gather(self.embedding, ids)
        states = tf.nn.relu(tf.einsum("btd,de->bte", states, self.dense))
        scores = tf.nn.softmax(tf.reduce_mean(states, axis=1) @ self.head)
        best, order = tf.math.top_k(scores, len(LABELS))
        return {
            contract.LABELS: tf.gather(self.labels, order),
            contract.SCORES: best,
            contract.TEXT_IS_UNKNOWN: tf.reduce_all(ids < 2, axis=1),
        }


class NumberModel(tf.Module):
    """`y = x / 2 + offset`, and signatures for what JSON and batching must carry."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = tf.Variable(offset)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def serving_default(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """One input, one output."""
        return {"y": x / 2 + self.offset}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2], tf.float32, name="a"),
            tf.TensorSpec([None], tf.int64, name="b"),
        ]
    )
    def two(self, a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        """Several inputs and outputs."""
        return {"sum": tf.reduce_sum(a, 1) + tf.cast(b, tf.float32), "b": b}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="raw")])
    def echo(self, raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Strings come back, as text and as bytes."""
        return {"raw_bytes": raw, "size": tf.strings.length(raw)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def batch_size(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """How many rows were computed together."""
        return {"n": tf.fill(tf.shape(x), tf.shape(x)[0])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def checked(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Fails for negative numbers."""
        with tf.control_dependencies([tf.debugging.assert_non_negative(x)]):
            return {"y": tf.sqrt(x)}

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, name="x")])
    def fixed(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes two numbers, never a batch."""
        return {"y": -x}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="rounds")])
    def slow(self, rounds: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes as long as it is told, in rounds of about a millisecond."""

        def one(count: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return count + 1, state @ tf.eye(160)

        last, state = tf.while_loop(
            lambda count, _: count < rounds[0], one, (0, tf.eye(160))
        )
        return {"rounds": tf.fill(tf.shape(rounds), last), "trace": state[:1, 0]}


def save_text_model(path: pathlib.Path, intermediate_dim: int = 512) -> None:
    """The model that `Client.classify` can ask."""
    model = TextModel(intermediate_dim=intermediate_dim)
    tf.saved_model.save(
        model,
        str(path),
        signatures={contract.Signature.SERVING_DEFAULT: model.serving_default},
    )


def save_number_model(path: pathlib.Path, offset: float = 2.0) -> None:
    """The model for everything else; `offset` tells versions apart."""
    model = NumberModel(offset)
    names = "serving_default two echo batch_size checked fixed slow".split()
    signatures = {name: getattr(model, name) for name in names}
    tf.saved_model.save(model, str(path), signatures=signatures)
