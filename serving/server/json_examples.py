"""REST classify and regress: `examples` in, `results` out, by upstream's rules."""

import dataclasses
from typing import Any

from serving.server.inference_results import Classes, Values


@dataclasses.dataclass(frozen=True)
class ExamplesBody:
    """What a classify or regress body asks for; `message` is an `Input`."""

    signature_name: str
    message: Any


def parse_examples(body: bytes) -> ExamplesBody:
    """The examples of a classify or regress body; needs no model.

    Raises:
        StatusError: the body is no list of examples.
    """
    raise NotImplementedError


def results_answer(found: Classes | Values) -> bytes:
    """The body: `results`, one per example."""
    raise NotImplementedError
