"""The house rules, over every file, and each of them seen to fail once."""

import pathlib
import subprocess

import pytest

from tests.support import architecture
from tests.support.architecture import MACHINE_PATH, RULES, Rule, SourceFile
from tests.support.repository import ROOT

PYTHON_FOLDERS = (*architecture.LAYERS, "benchmarks", "examples", "scripts", "tests")
TEXT_SUFFIXES = {".py", ".toml", ".md", ".txt", ".yaml", ".yml", ".json", ".cfg", ".j2"}
BARE_TEXT_FILES = {"Makefile", "Dockerfile", "run", ".gitignore"}


def python_files() -> list[SourceFile]:
    """Every Python file of ours, without generated protocol code."""
    return [
        SourceFile(path.relative_to(ROOT).as_posix(), path.read_text())
        for folder in PYTHON_FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
    ]


def project_files() -> list[pathlib.Path]:
    """Every file that is committed, or would be by `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope="module")
def files() -> list[SourceFile]:
    return python_files()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps(rule: Rule, files: list[SourceFile]):
    complaints = [f"{f.path}: {c}" for f in files for c in rule(f)]
    assert not complaints, f"{rule.__doc__}\n" + "\n".join(complaints)


def test_all_four_packages_are_read(files: list[SourceFile]):
    assert set(architecture.LAYERS) <= {file.package for file in files}


def test_no_machine_path_or_registry_is_committed():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in project_files()
        if path.suffix in TEXT_SUFFIXES or path.name in BARE_TEXT_FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 50
WRONG = [
    (architecture.layers, "model/a.py", "import serving.client"),
    (architecture.layers, "model/a.py", "def f():\n    from pipeline import cli"),
    (architecture.layers, "serving/a.py", "from model import config"),
    (architecture.layers, "serving/a.py", "import model"),
    (architecture.layers, "serving/edge/a.py", "from ...model import config"),
    (architecture.layers, "components/a.py", "from pipeline.config import RunConfig"),
    (architecture.layers, "pipeline/a.py", "from serving import client"),
    (architecture.layers, "pipeline/a.py", "from tests.support import golden"),
    (
        architecture.tfx_places,
        "model/export/saved_model.py",
        "from tfx import v1 as tfx",
    ),
    (architecture.tfx_places, "serving/a.py", "def f():\n    import tfx.types"),
    (architecture.tfx_spelling, "pipeline/a.py", "import tfx.v1 as tfx"),
    (architecture.tfx_spelling, "pipeline/a.py", "from tfx import v1"),
    (architecture.tfx_spelling, "pipeline/a.py", "from tfx.v1 import dsl"),
    (architecture.grpc_places, "model/export/saved_model.py", "import grpc"),
    (architecture.grpc_places, "pipeline/a.py", "from grpc import aio"),
    (architecture.environment, "model/a.py", "import os\nos.environ['A']"),
    (architecture.environment, "serving/a.py", "from os import getenv"),
    (
        architecture.environment,
        "serving/client/config.py",
        "def f():\n    os.getenv('A')",
    ),
    (architecture.environment, "model/a.py", "def from_env():\n    os.environ['A']"),
    (architecture.keras_spelling, "model/a.py", "from tensorflow import keras"),
    (architecture.keras_spelling, "model/a.py", "x = tf.keras.Model"),
    (architecture.keras_spelling, "model/a.py", "from keras import layers"),
    (architecture.keras_spelling, "model/a.py", "import keras as k"),
    (architecture.keras_spelling, "model/a.py", "import tf_keras"),
    (architecture.names, "model/utils.py", ""),
    (architecture.names, "serving/common/client.py", ""),
    (architecture.file_size, "model/a.py", "x = 1\n" * 601),
    (architecture.function_size, "model/a.py", LONG_FUNCTION),
    (architecture.hooks_are_functions, "model/hooks.py", "class Job: ..."),
    (
        architecture.annotations_are_objects,
        "components/a.py",
        "from __future__ import annotations",
    ),
    (architecture.tests_assert, "tests/test_a.py", "def test_a():\n    f()"),
    (
        architecture.tests_assert,
        "tests/test_a.py",
        "def f():\n    pass\ndef test_a():\n    f()",
    ),
]
RIGHT = [
    (architecture.layers, "serving/a.py", "from model.contract import TEXT"),
    (architecture.layers, "serving/a.py", "from model import contract"),
    (architecture.layers, "components/a.py", "import serving.client, model.hooks"),
    (architecture.layers, "tests/test_a.py", "import pipeline.cli, serving.client"),
    (architecture.layers, "model/a.py", "import modelling, servings"),
    (architecture.layers, "serving/a.py", "from .model import Model"),
    (architecture.tfx_places, "model/hooks.py", "from tfx import v1 as tfx"),
    (architecture.tfx_spelling, "pipeline/a.py", "from tfx import types, v1 as tfx"),
    (architecture.grpc_places, "model/export/warmup.py", "import grpc"),
    (
        architecture.environment,
        "serving/client/config.py",
        "def from_env():\n    return os.environ",
    ),
    (architecture.keras_spelling, "model/a.py", "import keras\nkeras.layers.Dense"),
    (architecture.file_size, "model/a.py", "x = 1\n" * 600),
    (
        architecture.function_size,
        "model/a.py",
        "def f():\n" + '    """A' + "\n    docstring" * 60 + '."""\n    return 1\n',
    ),
    (architecture.tests_assert, "tests/test_a.py", "def test_a():\n    assert f()"),
    (
        architecture.tests_assert,
        "tests/test_a.py",
        "def f():\n    assert g()\ndef test_a():\n    f()",
    ),
    (
        architecture.tests_assert,
        "tests/test_a.py",
        "def test_a():\n    subprocess.run(['x'], check=True)",
    ),
    (
        architecture.tests_assert,
        "tests/test_a.py",
        "def test_a():\n    with pytest.raises(ValueError):\n        f()",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text"), WRONG)
def test_a_breach_is_seen(rule: Rule, path: str, text: str):
    assert list(rule(SourceFile(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), RIGHT)
def test_what_is_allowed_is_let_through(rule: Rule, path: str, text: str):
    assert not list(rule(SourceFile(path, text)))


def test_every_rule_has_been_seen_to_fail():
    assert {rule for rule, _, _ in WRONG} == set(RULES)


@pytest.mark.parametrize(
    "line",
    ["cd /w" + "ork/main", "open('/ro" + "ot/x')", "see https://py" + "pi.org/simple"],
)
def test_a_machine_path_is_seen(line: str):
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["a/work/b", "/workspace", "$HOME/x", "the /models"])
def test_other_paths_are_let_through(line: str):
    assert not MACHINE_PATH.search(line)
