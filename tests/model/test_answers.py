import keras
import numpy as np
import tensorflow as tf

from model import answers


def test_outputs_of_batches_of_different_lengths_come_in_their_order() -> None:
    token_ids = keras.Input([None], dtype="int32")
    summed = keras.ops.sum(token_ids, axis=1, keepdims=True)
    model = keras.Model(token_ids, [summed, keras.ops.concatenate([summed] * 3, 1)])
    batches = [
        (tf.constant([[1, 2], [3, 4]]), tf.constant([5, 6])),
        (tf.constant([[1, 1, 1]]), tf.constant([7])),
    ]
    (one, three), label_ids = answers.gather(model, batches)
    np.testing.assert_array_equal(one, np.float32([[3], [7], [3]]))
    np.testing.assert_array_equal(three, np.float32([[3] * 3, [7] * 3, [3] * 3]))
    np.testing.assert_array_equal(label_ids, [5, 6, 7])
    assert one.dtype == np.float32
