"""Runs a module of ours, wherever it is started: `own_module.py MODULE ARGUMENT ...`.

`python -m` looks in the working directory first, and there may lie a user's `model.py`
or `serving/`. So `python_command` starts Python with its safe path (`-P`), and here the
names of our packages mean the folder that this file is in, before all others. Standard
library only: this file is run alone.
"""

import importlib.machinery
import os
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType

_ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
_PACKAGES = ("components", "model", "pipeline", "serving")


def python_command(module: str, *arguments: str) -> list[str]:
    """Gives the command that runs one of our modules in a process of its own."""
    return [sys.executable, "-P", os.path.abspath(__file__), module, *arguments]


class OwnPackages:
    """Finds our packages in our folder, as an entry of `sys.meta_path`."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answers for our names only; what is inside them, Python finds."""
        del target
        if path is not None or name not in _PACKAGES:
            return None
        return importlib.machinery.PathFinder.find_spec(name, [_ROOT])


def main() -> None:
    """Becomes the module that the first argument names."""
    del sys.argv[0]  # runpy puts the module's file in its place
    sys.meta_path.insert(0, OwnPackages)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
