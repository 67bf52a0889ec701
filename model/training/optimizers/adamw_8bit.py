"""AdamW whose state takes a quarter of the memory."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from model.training.optimizers import block_codes
from model.training.optimizers.block_codes import BLOCK, Coded
from model.training.optimizers.update import SummedUpdate

_LEAST_SIZE = 4096
"""Smaller variables keep float32 states: they would save nothing worth a rounding."""


@keras.saving.register_keras_serializable(package="ktp")
class AdamW8bit(SummedUpdate, keras.optimizers.AdamW):
    """AdamW with block-wise quantised states (Dettmers et al. 2021, arXiv 2110.02861).

    Both moments are kept as one byte per weight and one float32 per 256 weights, each
    in the paper's non-linear code: 2.03 bytes per weight instead of 8. The arithmetic
    is float32. Biases, normalisations and other small variables keep float32 states.

    One thing is other than in the paper: kept is the root of the second moment, which
    spans half as many powers of ten, and it is never rounded to 0. A first moment that
    outlives its second one would be divided by almost nothing.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:
            return
        keras.optimizers.Optimizer.build(self, variables)
        self._multipliers = [self._multiplier(variable) for variable in variables]
        self._states = [self._added_states(variable) for variable in variables]

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        states = [
            each.value for each in self._states[self._get_variable_index(variable)]
        ]
        step = tf.cast(self.iterations + 1, tf.float32)
        correction = tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        rule = _in_bytes if len(states) > len(_FLOAT_STATES) else _in_floats
        update, *new = rule(
            gradient,
            [tf.convert_to_tensor(state) for state in states],
            (self.beta_1, self.beta_2, self.epsilon),
        )
        variable.assign_sub(learning_rate * correction * update)
        for state, value in zip(states, new, strict=True):
            state.assign(value)

    def _added_states(self, variable: keras.Variable) -> list[keras.Variable]:
        size = variable.shape.num_elements()
        if size < _LEAST_SIZE:
            shape, kinds = tuple(variable.shape), _FLOAT_STATES
            return [self.add_variable(shape, name=name) for name in kinds]
        blocks = -(-size // BLOCK)
        return [
            self.add_variable(
                (blocks, 1 if dtype == "float32" else BLOCK), dtype=dtype, name=name
            )
            for name, dtype in _BYTE_STATES.items()
        ]


_FLOAT_STATES = ("momentum", "velocity")
_BYTE_STATES = {
    "momentum_codes": "int8",
    "momentum_scales": "float32",
    "root_velocity_codes": "uint8",
    "root_velocity_scales": "float32",
}


def _in_floats(
    gradient: tf.Tensor, states: list[tf.Tensor], constants: tuple[float, float, float]
) -> tuple[tf.Tensor, ...]:
    beta_1, beta_2, epsilon = constants
    mean = states[0] + (gradient - states[0]) * (1 - beta_1)
    square = states[1] + (tf.square(gradient) - states[1]) * (1 - beta_2)
    return mean / (tf.sqrt(square) + epsilon), mean, square


# Compiled, because it is some forty operations on every weight: one pass instead.
@tf.function(jit_compile=True, autograph=False)
def _in_bytes(
    gradient: tf.Tensor, states: list[tf.Tensor], constants: tuple[float, float, float]
) -> tuple[tf.Tensor, ...]:
    size = gradient.shape.num_elements()
    padding = [[0, -size % BLOCK]]
    blocks = tf.reshape(tf.pad(tf.reshape(gradient, [-1]), padding), [-1, BLOCK])
    root = block_codes.decode(Coded(*states[2:]))
    update, mean, square = _in_floats(
        blocks, [block_codes.decode(Coded(*states[:2])), tf.square(root)], constants
    )
    update = tf.reshape(tf.reshape(update, [-1])[:size], gradient.shape)
    codes = block_codes.encode_signed(mean)
    return (update, *codes, *block_codes.encode_positive(tf.sqrt(square)))
