"""A SavedModel of ours that another model learns from."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from model import contract
from model.export.saved_model import load_signature, text_example
from model.settings import quoted

_SHOWN_LABELS = 5


def load_teacher(
    export_dir: str, labels: Sequence[str]
) -> Callable[[Sequence[bytes]], tf.Tensor]:
    """Loads a SavedModel and gives `texts -> scores` `[B, C]`, in order of `labels`.

    Raises:
        ValueError: it is no SavedModel, not one of ours, or has other labels.
    """
    try:
        classify = load_signature(export_dir, contract.Signature.CLASSIFY)
        own = _labels(classify)
    except (OSError, LookupError, TypeError, ValueError, tf.errors.OpError) as error:
        raise ValueError(
            f"The teacher {export_dir} is not a SavedModel that `ktp run` wrote, with "
            f"text in and the signature '{contract.Signature.CLASSIFY.value}' "
            f"({_first_line(error)}). Name the output folder of a run, or a folder "
            "below its serving_model/."
        ) from error
    if sorted(own) != sorted(labels):
        raise ValueError(_differences(export_dir, own, labels))
    columns = tf.constant([own.index(label) for label in labels])

    def scores(texts: Sequence[bytes]) -> tf.Tensor:
        examples = tf.constant([text_example(text) for text in texts])
        answer = classify(**{contract.EXAMPLES: examples})
        return tf.gather(answer[contract.SCORES], columns, axis=1)

    return scores


def _labels(classify: Callable[..., dict[str, tf.Tensor]]) -> list[str]:
    answer = classify(**{contract.EXAMPLES: tf.constant([text_example("")])})
    return [label.decode() for label in answer[contract.CLASSES].numpy()[0]]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def _differences(export_dir: str, own: Sequence[str], labels: Sequence[str]) -> str:
    only_own = _named(sorted({*own} - {*labels}))
    only_data = _named(sorted({*labels} - {*own}))
    return (
        f"The teacher {export_dir} has other labels than the data: {only_data} only in "
        f"the data, {only_own} only in the teacher. A student learns the labels of its "
        "teacher: train one on this data, or give the data that the teacher had."
    )


def _named(labels: Sequence[str]) -> str:
    shown = ", ".join(map(quoted, labels[:_SHOWN_LABELS]))
    left = len(labels) - _SHOWN_LABELS
    return f"{shown or 'none'}{f' and {left:,} more' if left > 0 else ''}"
