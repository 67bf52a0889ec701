"""The house rules that only show when all files are seen together."""

import collections
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from tests.support.architecture import OURS, PACKAGES, SourceFile

MAX_FOLDER_FILES = 16
# Folders of tests that mirror no source: what tests share, and data that is no code.
NOT_MIRRORED = ("tests/support",)

Graph = Mapping[str, frozenset[str]]
Rule = Callable[[Iterable[SourceFile]], Iterator[str]]


def module_name(path: str) -> str:
    """The name under which the file at `path` is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def import_graph(files: Iterable[SourceFile]) -> Graph:
    """Which of the modules imports which, at any depth: lazy imports are imports."""
    modules = {module_name(file.path): file for file in files}
    return {
        module: frozenset(
            target
            for _, name in file.imports
            if (target := _module_of(name, modules)) not in (None, module)
        )
        for module, file in modules.items()
    }


def _module_of(name: str, modules: Mapping[str, SourceFile]) -> str | None:
    """The module that an import of `name` means: itself, or the one that defines it."""
    return next((m for m in (name, name.rpartition(".")[0]) if m in modules), None)


def cycles(graph: Graph) -> list[tuple[str, ...]]:
    """Modules that import each other in a circle, shortest circle of each module."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in sorted(graph):
        if circle := _way_back(graph, start):
            found.setdefault(frozenset(circle), circle)
    return sorted(found.values())


def imports_exist(files: Iterable[SourceFile]) -> Iterator[str]:
    """Every import of ours finds what it names; a type checker lets much of it pass."""
    files = tuple(files)
    texts = {module_name(file.path): file.text for file in files}
    folders = {file.path.rpartition("/")[0].replace("/", ".") for file in files}
    for file in files:
        for line, name in file.imports:
            name = name.removesuffix(".*")
            module, _, defined = name.rpartition(".")
            if name.split(".")[0] not in OURS or name in texts.keys() | folders:
                continue
            if not re.search(rf"\b{defined}\b", texts.get(module, "")):
                yield f"{file.path}: line {line}: there is no {name}"


def _way_back(graph: Graph, start: str) -> tuple[str, ...]:
    """The shortest way from `start` to itself, or nothing. Breadth first."""
    ways = collections.deque([(start,)])
    seen = set()
    while ways:
        way = ways.popleft()
        for target in sorted(graph[way[-1]]):
            if target == start:
                return (*way, start)
            if target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return ()


def no_cycles(files: Iterable[SourceFile]) -> Iterator[str]:
    """No module needs, at any depth, a module that needs it."""
    for circle in cycles(import_graph(files)):
        yield " -> ".join(circle)


def folder_size(files: Iterable[SourceFile]) -> Iterator[str]:
    """A folder has at most 16 source files; with more it wants folders."""
    sizes = collections.Counter(
        pathlib.PurePosixPath(file.path).parent.as_posix() for file in files
    )
    for folder, size in sorted(sizes.items()):
        if size > MAX_FOLDER_FILES:
            yield f"{folder}/ has {size} files; at most {MAX_FOLDER_FILES}"


def tests_mirror(files: Iterable[SourceFile]) -> Iterator[str]:
    """The tests of a folder lie in the folder of the same name below tests/."""
    folders = {pathlib.PurePosixPath(file.path).parent for file in files}
    sources = {folder.as_posix() for folder in folders}
    for folder in sorted(folders):
        name = folder.as_posix()
        if not name.startswith("tests/") or name.startswith(NOT_MIRRORED):
            continue
        if name.removeprefix("tests/") not in sources | {"data", "docs", "k8s"}:
            yield f"{name}/ mirrors no folder of sources"


def no_package_without_a_purpose(files: Iterable[SourceFile]) -> Iterator[str]:
    """Every folder of a package says in its `__init__.py` which question it answers."""
    files = tuple(file for file in files if file.package in PACKAGES)
    folders = {pathlib.PurePosixPath(file.path).parent.as_posix() for file in files}
    said = {
        pathlib.PurePosixPath(file.path).parent.as_posix()
        for file in files
        if file.path.endswith("/__init__.py") and _says_something(file)
    }
    for folder in sorted(folders - said):
        yield f"{folder}/__init__.py is missing or has no docstring"


def _says_something(file: SourceFile) -> bool:
    return bool(file.text.strip()) and file.text.lstrip().startswith('"""')


RULES: tuple[Rule, ...] = (
    no_cycles,
    imports_exist,
    folder_size,
    tests_mirror,
    no_package_without_a_purpose,
)
