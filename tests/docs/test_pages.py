"""What the pages tell people to type, to open and to import exists."""

import ast
import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from model.overrides import allowed_values
from pipeline import cli
from pipeline.config import SECTIONS, RunConfig
from serving.server.flags import ServerFlags
from tests.support.pages import PAGES, Page
from tests.support.repository import ROOT

OURS = ("model", "components", "pipeline", "serving", "benchmarks", "examples")
FILE_SUFFIXES = (".py", ".md", ".yaml", ".yml", ".json", ".toml")
# Folders that a run writes.
OUTPUTS = ("runs/", "edge/", "serving_model/", "assets.extra/")
SETTINGS = set(allowed_values(RunConfig.of(), SECTIONS))


def each(program: str) -> list[str]:
    """Every command of `program` in any page, once."""
    return sorted({line for page in PAGES for line in page.commands_of(program)})


def command_of(words: list[str]) -> click.Command:
    """The command that the words call."""
    command: click.Command = cli.ktp
    context = click.Context(command)
    while isinstance(command, click.Group) and words:
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"ktp has no command {name!r}"
        command = found
    return command


def options_of(line: str) -> set[str]:
    words = shlex.split(line)
    return {word.split("=")[0] for word in words if word.startswith("--")}


@pytest.mark.parametrize("line", each("ktp"))
def test_every_ktp_command_takes_its_options(line: str) -> None:
    command = command_of(shlex.split(line)[1:])
    names = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    assert options_of(line) <= names


@pytest.mark.parametrize("line", each("make"))
def test_every_make_target_exists(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in shlex.split(line)[1:]:
        if "=" not in target:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("line", each("python -m"))
def test_every_module_that_is_run_exists_and_has_its_options(line: str) -> None:
    module = shlex.split(line)[2]
    if module.split(".")[0] not in OURS:
        return
    path = ROOT / module.replace(".", "/")
    files = [path.with_suffix(".py")] if path.with_suffix(".py").exists() else []
    files += path.glob("*.py")
    assert files, f"there is no {module}"
    source = "\n".join(file.read_text() for file in files)
    for option in options_of(line):
        name = option.removeprefix("--")
        assert re.search(rf"\b{name}\b|\b{name.replace('-', '_')}\b", source), option


@pytest.mark.parametrize(
    "setting",
    sorted(
        {
            bare or quoted
            for page in PAGES
            for bare, quoted in re.findall(
                r"--set (?:([^'\s]\S*=\S+?)\.?[`\n ]|'([^'\n]+)')", page.text
            )
        }
    ),
)
def test_every_setting_is_allowed(setting: str) -> None:
    key, _, value = setting.partition("=")
    section, field = key.split(".")
    config = RunConfig.of(overrides={key: value})
    found = str(getattr(getattr(config, section), field))
    assert found.lower() == value.lower()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page: Page) -> None:
    missing = [word for word in page.words if not _exists(word, page.path.parent)]
    assert not missing


def _exists(word: str, folder: pathlib.Path) -> bool:
    """True for a path that is there, and for what is no path of the repository."""
    if "/" not in word or " " in word or "<" in word or word.startswith(OUTPUTS):
        return True
    first = word.split("/")[0]
    roots = [root for root in (ROOT, folder) if first and (root / first).exists()]
    if not roots:
        return not word.endswith(FILE_SUFFIXES)
    return any((root / word).exists() for root in roots)


def test_every_folder_of_a_table_exists() -> None:
    folders = {
        folder
        for page in PAGES
        for row in page.table("folder")
        for folder in re.findall(r"`([^`]+/)`", row[0])
    }
    assert len(folders) > 30
    assert not [folder for folder in folders if not (ROOT / folder).is_dir()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_dotted_name_is_a_setting_or_in_the_source(page: Page) -> None:
    sections = "|".join({*OURS, *SECTIONS})
    dotted = re.compile(rf"(?:{sections})(?:\.\w+)+(?<!\.tflite)(?<!\.safetensors)")
    names = [word.split("=")[0].removesuffix("()") for word in page.words]
    wrong = [
        name
        for name in names
        if dotted.fullmatch(name) and name not in SETTINGS and not _is_source(name)
    ]
    assert not wrong


def _is_source(name: str) -> bool:
    """True for a module, and for a name that stands in one."""
    path = ROOT
    parts = name.split(".")
    while parts and (path / parts[0]).is_dir():
        path /= parts.pop(0)
    file = path / "__init__.py"
    if parts and (path / f"{parts[0]}.py").exists():
        file = path / f"{parts.pop(0)}.py"
    if not file.exists():
        return not parts
    source = file.read_text()
    return all(re.search(rf"\b{part}\b", source) for part in parts)


PYTHON = [(page.name, block) for page in PAGES for block in page.blocks("python")]


@pytest.mark.parametrize("name, block", PYTHON)
def test_every_python_block_imports_what_exists(name: str, block: str) -> None:
    imported = list(_imported(block))
    assert imported, f"{name} shows code that imports nothing"
    ours = [each for each in imported if each.split(".")[0] in OURS]
    assert not [each for each in ours if not _is_source(each)]


def _imported(block: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_there_is_much_to_check() -> None:
    assert len(each("ktp")) >= 20
    assert len(each("make")) >= 10
    assert len(each("python -m")) >= 5
    assert len(PYTHON) >= 6


def flags_of(page: Page) -> set[str]:
    """Every option that a word of the page names."""
    found = (
        re.match(r"--([a-z][\w-]*)", each)
        for word in page.words
        for each in word.split()
    )
    return {match[1] for match in found if match}


def known_options() -> set[str]:
    """Those of the embedded server, and of every command of `ktp`."""
    known = {field.name for field in dataclasses.fields(ServerFlags)}
    commands: list[click.Command] = [cli.ktp]
    while commands:
        command = commands.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            names = command.list_commands(context)
            commands += filter(None, (command.get_command(context, n) for n in names))
        for parameter in command.params:
            every = (*parameter.opts, *parameter.secondary_opts)
            known |= {option.removeprefix("--") for option in every}
    return known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_exists(page: Page) -> None:
    of_programs = {
        name.removeprefix("--")
        for line in each("python -m")
        for name in options_of(line)
    }
    # `--rate` and `--quick` are the benchmarks', `--local-dir` is that of `hf`.
    others = of_programs | {"help", "rate", "quick", "local-dir"}
    assert flags_of(page) <= known_options() | others
