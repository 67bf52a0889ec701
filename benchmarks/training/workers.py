"""The processes that are measured, of which one at a time has something to do."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

from benchmarks.training.sizes import Size

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / ".venv-reference" / "bin" / "python"
OURS, JAX, PYTORCH = "ours", "Keras on JAX", "PyTorch"

MODULES: Mapping[str, str] = MappingProxyType(
    {OURS: "ours", JAX: "keras_on_jax", PYTORCH: "pytorch"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a task took, and what came of it."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    returned: Any


class Worker:
    """A framework with one size, in a process of its own. Use as a context manager.

    Raises:
        RuntimeError: the process ended before it answered; its own words are above.
    """

    def __init__(self, framework: str, size: Size) -> None:
        self.framework = framework
        ours = framework == OURS
        python = sys.executable if ours else str(REFERENCE)
        module = f"benchmarks.training.{MODULES[framework]}"
        command = [python, "-m", module, size.to_json()]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **_settings(framework)},
        )

    def ask(self, task: str, argument: Any) -> Answer:
        """Has the task done and waits for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = json.dumps({"task": task, "argument": argument})
        try:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # It has ended; so has its output, which says so below.
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.framework} ended before it answered.")
        return Answer(**json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate()


def available() -> Iterator[str]:
    """The frameworks that can be measured here: ours, and those of `make reference`."""
    yield OURS
    if REFERENCE.exists():
        yield from (PYTORCH, JAX)


def _settings(framework: str) -> dict[str, str]:
    common = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return common | ({"KERAS_BACKEND": "jax"} if framework == JAX else {})
