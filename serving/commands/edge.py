"""`ktp edge`: asks a TFLite model, without TensorFlow."""

import codecs
import os
import sys

import click

from serving.commands.output import Answer, print_json, print_table
from serving.edge.errors import EdgeError
from serving.edge.model_file import TFLITE_IDENTIFIER
from serving.text_files.streams import other_format

_HEAD_BYTES = 4096


@click.group()
def edge() -> None:
    """Ask a TFLite model, without TensorFlow."""


@edge.command()
@click.argument("model", type=click.Path())
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per text.")
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="More helps only while the other cores are idle.",
)
def predict(model: str, texts: tuple[str, ...], as_json: bool, threads: int) -> None:
    """Classify each TEXT, or each line of standard input, with the file MODEL."""
    _check_paths(model, texts)
    is_input = not texts
    texts = tuple(_valid(text) for text in texts) or _lines_of_input()
    try:
        from serving.edge.classifier import EdgeClassifier  # numpy: not for --help.

        predictions = EdgeClassifier(model, num_threads=threads).classify(texts)
    except EdgeError as error:
        raise click.ClickException(str(error)) from error
    rows = range(1, len(texts) + 1) if is_input else [None] * len(texts)
    answers = map(Answer, rows, texts, predictions)
    (print_json if as_json else print_table)(answers)


def _check_paths(model: str, texts: tuple[str, ...]) -> None:
    """Refuses a second model, which a shell's `*` makes a text; notices other files."""
    for text in texts:
        try:
            is_file = os.path.isfile(text)
        except ValueError:  # a null byte, for example
            is_file = False
        if not is_file:
            continue
        if _is_model(text):
            raise click.UsageError(
                f"{text!r} is a model file, not a text: ask one model at a time. Where "
                f"a pattern with * names several, write one; the first was {model!r}."
            )
        click.echo(
            f"Note: {text!r} is a file; its name is classified, not what it holds. To "
            "classify its lines: ktp edge predict MODEL < FILE",
            err=True,
        )


def _is_model(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8)[4:] == TFLITE_IDENTIFIER
    except OSError:
        return path.endswith(".tflite")


def _valid(text: str) -> str:
    """Replaces what is not UTF-8: surrogates, which cannot be printed."""
    return text.encode("utf-8", "replace").decode()


def _lines_of_input() -> tuple[str, ...]:
    data = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    if not data:
        raise click.UsageError("Give at least one TEXT, or lines on standard input.")
    if (other := other_format(data[:_HEAD_BYTES])) is not None:
        what, advice = other
        raise click.ClickException(f"standard input is {what}, no text. {advice}")
    lines = data.removeprefix(codecs.BOM_UTF8).removesuffix(b"\n").split(b"\n")
    return tuple(_line(number, line) for number, line in enumerate(lines, 1))


def _line(number: int, line: bytes) -> str:
    line = line.removesuffix(b"\r")
    try:
        return line.decode()
    except UnicodeDecodeError:
        click.echo(
            f"Note: line {number} is not UTF-8; what could not be read is "
            "classified as \ufffd.",
            err=True,
        )
        return line.decode("utf-8", "replace")
