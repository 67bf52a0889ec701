"""The house rules, over every file, and each of them seen to fail once."""

import pathlib
import subprocess

import pytest

from tests.support import architecture, folders
from tests.support.architecture import MACHINE_PATH, RULES, Rule, SourceFile
from tests.support.repository import ROOT

TEXT_SUFFIXES = {".py", ".toml", ".md", ".txt", ".yaml", ".yml", ".json", ".cfg", ".j2"}
BARE_TEXT_FILES = {"Makefile", "Dockerfile", "run", ".gitignore"}


def python_files() -> list[SourceFile]:
    """Every Python file of ours, without generated protocol code."""
    return [
        SourceFile(path.relative_to(ROOT).as_posix(), path.read_text())
        for folder in architecture.OURS
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


@pytest.mark.parametrize("rule", folders.RULES, ids=lambda rule: rule.__name__)
def test_all_files_together_keep(rule: folders.Rule, files: list[SourceFile]):
    complaints = list(rule(files))
    assert not complaints, f"{rule.__doc__}\n" + "\n".join(complaints)


def test_everything_is_read(files: list[SourceFile]):
    assert set(architecture.OURS) == {file.package for file in files}
    read = {file.path.rpartition("/")[0] for file in files}
    assert set(architecture.LAYERS) <= read


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
    (architecture.layers, "serving/client/a.py", "from model import contract"),
    (architecture.layers, "serving/edge/a.py", "from ..client import contract"),
    (
        architecture.relative_only,
        "serving/client/a.py",
        "def f():\n    from serving.client import errors",
    ),
    (architecture.relative_only, "serving/client/a/b.py", "import serving.client.c"),
    (architecture.relative_only, "serving/edge/a.py", "from ..client import contract"),
    (architecture.relative_only, "serving/edge/a.py", "from .. import edges"),
    (architecture.layers, "model/a.py", "def f():\n    from pipeline import cli"),
    (architecture.layers, "serving/a.py", "from model import config"),
    (architecture.layers, "serving/a.py", "import model"),
    (architecture.layers, "serving/edge/a.py", "from ...model import config"),
    (architecture.layers, "serving/client/a.py", "from serving.server import status"),
    (architecture.layers, "serving/client/a/b.py", "import serving.launch"),
    (architecture.layers, "serving/edge/a.py", "from serving.client import Client"),
    (architecture.layers, "serving/formats/a.py", "from serving.client import errors"),
    (architecture.layers, "serving/server/a.py", "from serving.client import Client"),
    (architecture.layers, "serving/a.py", "from benchmarks.load import run"),
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
    (architecture.tests_stand_alone, "tests/a/test_a.py", "from tests.b import test_b"),
    (architecture.tests_stand_alone, "tests/support/a.py", "import tests.b.test_b"),
]
RIGHT = [
    (architecture.layers, "serving/client/a/b.py", "from ..wire import c"),
    (architecture.layers, "model/contract.py", "from serving.edge.contract import A"),
    (architecture.relative_only, "serving/client/a/b.py", "from .. import errors"),
    (architecture.relative_only, "serving/edge/a.py", "from . import contract, b"),
    (architecture.relative_only, "serving/launch/a.py", "import serving.client"),
    (architecture.layers, "serving/launch/a.py", "from serving.client import Client"),
    (architecture.layers, "benchmarks/a.py", "import tests.support.b, serving.server"),
    (
        architecture.tests_stand_alone,
        "tests/a/test_a.py",
        "from tests.support import b",
    ),
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


WRONG_TOGETHER = [
    (
        folders.no_cycles,
        {"model/a.py": "import model.b", "model/b.py": "import model.a"},
    ),
    (
        folders.no_cycles,
        {
            "model/a.py": "from model.b import f",
            "model/b.py": "from model import c",
            "model/c.py": "def f():\n    from model import a",
        },
    ),
    (
        folders.no_cycles,
        {
            "model/c/__init__.py": "from model.c.d import e",
            "model/c/d.py": "from model.c import e",
        },
    ),
    (folders.imports_exist, {"model/a.py": "from model.b import c"}),
    (folders.imports_exist, {"model/a.py": "def f():\n    import model.b"}),
    (folders.imports_exist, {"model/b/c.py": "", "model/a.py": "import model.b.d"}),
    (folders.imports_exist, {"model/a.py": "from model.b import *"}),
    (folders.folder_size, {f"model/a{i}.py": "" for i in range(17)}),
    (folders.tests_mirror, {"model/a/b.py": "", "tests/model/c/test_b.py": ""}),
    (folders.no_package_without_a_purpose, {"model/a/b.py": ""}),
    (folders.no_package_without_a_purpose, {"model/a/__init__.py": "import b"}),
]
RIGHT_TOGETHER = [
    (
        folders.no_cycles,
        {
            "model/a.py": "from model.b import f\nimport model.c.d",
            "model/b.py": "from model.c.d import g",
            "model/c/__init__.py": "from model import b",
            "model/c/d.py": "import a",
        },
    ),
    (
        folders.imports_exist,
        {
            "model/b/c.py": "import os.nothing\nd = 1",
            "model/a.py": "import model.b\nfrom model.b.c import d\nimport model.b.c",
            "model/e.py": "from model.b.c import *",
        },
    ),
    (folders.folder_size, {f"model/{'bc'[i % 2]}/a{i}.py": "" for i in range(32)}),
    (folders.tests_mirror, {"model/a/b.py": "", "tests/model/a/test_c.py": ""}),
    (folders.tests_mirror, {"tests/support/a/b.py": ""}),
    (folders.no_package_without_a_purpose, {"model/a/__init__.py": '"""What."""'}),
    (folders.no_package_without_a_purpose, {"tests/a/test_b.py": ""}),
]


def together(texts: dict[str, str]) -> list[SourceFile]:
    return [SourceFile(path, text) for path, text in texts.items()]


@pytest.mark.parametrize(("rule", "texts"), WRONG_TOGETHER)
def test_a_breach_between_files_is_seen(rule: folders.Rule, texts: dict[str, str]):
    assert list(rule(together(texts)))


@pytest.mark.parametrize(("rule", "texts"), RIGHT_TOGETHER)
def test_files_that_fit_together_are_let_through(
    rule: folders.Rule, texts: dict[str, str]
):
    assert not list(rule(together(texts)))


def test_a_circle_is_told_as_the_way_round():
    files = together({"model/a.py": "import model.b", "model/b.py": "import model.a"})
    assert list(folders.no_cycles(files)) == ["model.a -> model.b -> model.a"]


@pytest.mark.parametrize(("rule", "path", "text"), WRONG)
def test_a_breach_is_seen(rule: Rule, path: str, text: str):
    assert list(rule(SourceFile(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), RIGHT)
def test_what_is_allowed_is_let_through(rule: Rule, path: str, text: str):
    assert not list(rule(SourceFile(path, text)))


def test_every_rule_has_been_seen_to_fail():
    assert {rule for rule, _, _ in WRONG} == set(RULES)
    assert {rule for rule, _ in WRONG_TOGETHER} == set(folders.RULES)


@pytest.mark.parametrize(
    "line",
    ["cd /w" + "ork/main", "open('/ro" + "ot/x')", "see https://py" + "pi.org/simple"],
)
def test_a_machine_path_is_seen(line: str):
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["a/work/b", "/workspace", "$HOME/x", "the /models"])
def test_other_paths_are_let_through(line: str):
    assert not MACHINE_PATH.search(line)
