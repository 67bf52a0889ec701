"""Asks a running server: some texts, many at once, and what it serves.

    ktp serve runs/velora
    python -m examples.ask_a_server "where is my bike?" "I was charged twice"

Needs the `client` extra alone; the server may be TF Serving or the embedded one.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import click

from serving.client import AsyncClient, Client, NotFoundError, ServingError


@click.command()
@click.argument("texts", nargs=-1, required=True)
@click.option("--endpoint", default="localhost:8500", show_default=True)
@click.option("--rest", is_flag=True, help="The endpoint is a REST port.")
def main(texts: Sequence[str], endpoint: str, rest: bool) -> None:
    """Ask the server at --endpoint what each of TEXTS is."""
    settings: dict[str, Any] = {
        "endpoint": endpoint,
        "transport": "rest" if rest else "grpc",
        "deadline_s": 10,
    }
    try:
        show_model(settings)
        classify(settings, texts)
        asyncio.run(classify_together(settings, texts))
    except NotFoundError as error:
        sys.exit(f"The server does not have this model: {error.detail}")
    except ServingError as error:  # All others; the message says what to do.
        sys.exit(str(error))


def show_model(settings: dict[str, Any]) -> None:
    """Prints the version that answers, and its signatures."""
    with Client(**settings) as client:
        metadata = client.metadata()
    print(f"{metadata.name}, version {metadata.version}:")
    for name, signature in metadata.signatures.items():
        print(f"  {name}: {', '.join(signature.inputs)}")


def classify(settings: dict[str, Any], texts: Sequence[str]) -> None:
    """One call for all texts; a long list goes in parts, several at a time."""
    with Client(**settings) as client:
        for text, answer in zip(texts, client.classify(texts), strict=True):
            print(f"{answer.label} ({answer.score:.2f}): {text}")


async def classify_together(settings: dict[str, Any], texts: Sequence[str]) -> None:
    """A call per text, all at once, as a web service would have them."""
    async with AsyncClient(**settings) as client:
        answers = await asyncio.gather(*(client.classify([text]) for text in texts))
    print("asked at once:", ", ".join(answer.label for (answer,) in answers))


if __name__ == "__main__":
    main()
