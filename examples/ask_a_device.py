"""Asks a device file, without TensorFlow, and measures how long that takes.

    python -m examples.ask_a_device runs/velora/edge/*/model.tflite "where is my bike?"

Needs the `edge` extra alone: numpy and a TFLite runtime.
"""

import statistics
import sys
import time
from collections.abc import Sequence

import click

from serving.edge import EdgeClassifier, EdgeError


@click.command()
@click.argument("model")
@click.argument("texts", nargs=-1, required=True)
@click.option("--repeat", default=20, show_default=True, help="Runs to measure.")
@click.option("--unsure-below", default=0.5, show_default=True, help="A score.")
def main(model: str, texts: Sequence[str], repeat: int, unsure_below: float) -> None:
    """Ask the TFLite file MODEL what each of TEXTS is."""
    try:
        classifier = EdgeClassifier(model)
    except EdgeError as error:
        sys.exit(str(error))
    print(f"{len(classifier.labels)} labels, computed by {classifier.runtime}")
    for text, answer in zip(texts, classifier.classify(texts), strict=True):
        label = answer.label if answer.score >= unsure_below else "not sure"
        print(f"{label} ({answer.score:.2f}): {text}")
    print(f"one text takes {latency_ms(classifier, texts[0], repeat):.2f} ms")


def latency_ms(classifier: EdgeClassifier, text: str, repeat: int) -> float:
    """The median time of one text."""
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        classifier.classify([text])
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    main()
