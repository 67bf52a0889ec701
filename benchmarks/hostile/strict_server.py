"""The fake model server, with a model that refuses wrong types as TensorFlow does."""

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from serving.client.wire import dtypes
from serving.server.__main__ import main
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.status import invalid_argument
from tests.support.serving.fakes import FakeServable


class StrictServable(FakeServable):
    """Computes what `FakeServable` does, for the types of its signatures only."""

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        for alias, info in self.signatures[signature_name].inputs.items():
            wanted = dtypes.by_number()[info.dtype].numpy
            if inputs[alias].dtype != wanted or inputs[alias].ndim != 1:
                raise invalid_argument(f"Expects {alias} to be a vector of {wanted}.")
        return super().run(signature_name, inputs, outputs, timeout_s)


def load(entry: ModelEntry, version: ServedVersion) -> StrictServable:
    """A loader that needs nothing but a directory."""
    return StrictServable(version.number)


if __name__ == "__main__":
    sys.exit(main(loader=load))
