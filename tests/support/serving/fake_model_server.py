"""A server process around the fake model: no TensorFlow, so it starts at once.

python -m tests.support.serving.fake_model_server --port=...
"""

import sys

from serving.server.__main__ import main
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from tests.support.serving.fakes import FakeServable, Naps

ASLEEP = "a request sleeps"


class SpokenNaps(Naps):
    """Says on standard output that a request sleeps in the model."""

    def take(self, seconds: float) -> None:
        print(ASLEEP, flush=True)
        super().take(seconds)


def load(entry: ModelEntry, version: ServedVersion) -> FakeServable:
    """A loader that needs nothing but a directory."""
    return FakeServable(version.number, SpokenNaps())


if __name__ == "__main__":
    sys.exit(main(loader=load))
