"""Where the repository is, for tests and benchmarks that read its files."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
