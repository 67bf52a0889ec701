"""Asks PyTorch, JAX and transformers, which live in an environment of their own."""

import pathlib
import subprocess

import pytest

from tests.support.repository import ROOT

PYTHON = ROOT / ".venv-reference" / "bin" / "python"

needs_reference = pytest.mark.skipif(
    not PYTHON.exists(), reason="`make reference` sets up .venv-reference"
)


def run_reference(program: str, *arguments: str | pathlib.Path) -> str:
    """What `program` prints there; its `sys.argv[1:]` are the arguments.

    Raises:
        AssertionError: it failed; its own words say why.
    """
    command = [str(PYTHON), "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
