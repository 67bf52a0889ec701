"""Builds the three distributions into `dist/`: the pipeline, `ktp-client`, `ktp-edge`.

    python -m scripts.wheels --output dist

Client and edge are folders of the pipeline with relative imports only; each is put
beside its `pyproject.toml` in `distributions/`, under the name it is imported by. The
version is the pipeline's. Nothing is fetched: the build backend must be installed, as
in `.tools/`. The same sources give the same bytes.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = {"ktp-client": "serving/client", "ktp-edge": "serving/edge"}
"""Name of the distribution -> folder; its module is the name with an underscore."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds them and prints their paths."""
    parser = argparse.ArgumentParser(description="Build the three wheels.")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "dist")
    for path in build_all(parser.parse_args(arguments).output.absolute()):
        print(path)


def build_all(output: pathlib.Path) -> list[pathlib.Path]:
    """Builds every wheel into the folder."""
    built = [_build(ROOT, output)]
    with tempfile.TemporaryDirectory() as folder:
        for name in SOURCES:
            project = stage(name, pathlib.Path(folder))
            built.append(_build(project, output))
    return built


def stage(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Lays the project of a distribution out in the folder, as it is built."""
    project = folder / name
    shutil.copytree(ROOT / "distributions" / name, project)
    shutil.copy(ROOT / "LICENSE", project)
    shutil.copytree(
        ROOT / SOURCES[name],
        project / name.replace("-", "_"),
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return project


def version() -> str:
    """Reads the version that all distributions have."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return str(pyproject["project"]["version"])


def _build(project: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Runs the build backend in the project's folder, and moves what it made."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    # No date but hatchling's own, or two builds would differ.
    environ = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "-d", folder],
            cwd=project,
            env={**environ, "KTP_VERSION": version()},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{project.name} was not built.\n{done.stdout}{done.stderr}")
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        return pathlib.Path(shutil.move(wheel, output / wheel.name))


if __name__ == "__main__":
    main()
