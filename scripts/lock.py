"""Writes `requirements/*.txt`: one hash-pinned file per Python closure and extra.

`uv pip compile` resolves, keeps the committed pins and writes the hashes. What it does
not do is here: it knows one list of environments per project, and we have a closure per
Python and, for the device, a second machine; it repeats the closure's own marker on
every line; and it cannot say without an index whether a file is current, which the seal
can. A kept pin keeps its hashes as they stand; an upgraded one gets those of every
platform. Standard library and uv, no more.
"""

import argparse
import collections
import dataclasses
import difflib
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
HAND_WRITTEN = "reference.txt"
ALL = "all"
SEAL = "seal.sha256"

# Naming CPython spares the resolver, and every file, the branches for PyPy.
_SYSTEM = (
    "sys_platform == 'linux' and platform_python_implementation == 'CPython' "
    "and implementation_name == 'cpython'"
)
_OPTIONS = (
    *("--quiet", "--universal", "--generate-hashes", "--no-annotate", "--no-header"),
    # Any Python can resolve for any other; without a name uv looks for the closure's.
    *("--python", sys.executable),
)
_MARKER = re.compile(r" ; (?P<marker>[^\\\n]+?)(?= \\$|$)", re.M)

UNSOLVED = (
    "pyproject.toml does not resolve with the pins in requirements/ (or the index "
    "cannot be reached)."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requirements:
    """One file: what it installs, and for which Pythons and machines.

    Attributes:
        name: `<set>-<closure>.txt`, or `<set>.txt`.
        python: The marker of the closure, and `since` its oldest version.
        extras: Of the project; without any, the project's own needs are left out too.
        same_as: The file whose versions this one takes: of a closure one version of a
            package is installed, whichever extra asks for it.
    """

    name: str
    python: str
    since: str
    machines: tuple[str, ...] = ("x86_64",)
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    same_as: str = ""

    def environments(self) -> list[str]:
        """The markers that are resolved for."""
        return [
            f"{self.python} and platform_machine == '{machine}' and {_SYSTEM}"
            for machine in self.machines
        ]

    def sources(self) -> Iterator[str]:
        """What `uv pip compile` is told to read."""
        pyproject = str(ROOT / "pyproject.toml")
        if self.extras:
            yield pyproject
        for extra in self.extras:
            yield from ("--extra", extra)
        for group in self.groups:
            yield from ("--group", f"{pyproject}:{group}")


def _closure(closure: str, **python: str) -> list[Requirements]:
    """The files of a closure; only the light ones go to a device's machine as well."""

    def of(name: str, *extras: str, **more: Any) -> Requirements:
        return Requirements(
            name=f"{name}-{closure}.txt", extras=extras, **python, **more
        )

    first = of("dev", "pipeline", groups=("dev",))
    same: dict[str, Any] = {"same_as": first.name}
    light = {"machines": ("x86_64", "aarch64"), **same}
    return [
        first,
        of("pipeline", "pipeline", **same),
        of("gpu", "gpu", **same),
        of("server", "server", **same),
        of("client", "client", **light),
        of("edge", "edge", **light),
    ]


FILES = (
    *_closure("py311", python="python_full_version < '3.12'", since="3.11"),
    *_closure(
        "py312",
        python="python_full_version >= '3.12' and python_full_version < '3.14'",
        since="3.12",
    ),
    Requirements(
        name="tools.txt",
        python="python_full_version >= '3.11'",
        since="3.11",
        machines=("x86_64", "aarch64"),
        groups=("tools",),
    ),
)


def without_common_marker(text: str) -> str:
    """`text` without the marker that nearly every line repeats: the closure's own.

    On a foreign Python such a file fails for want of a wheel; with the marker it
    would install nothing and say nothing.
    """
    markers = collections.Counter(match["marker"] for match in _MARKER.finditer(text))
    if not markers:
        return text
    (common, _), *_ = markers.most_common(1)
    return _MARKER.sub(lambda m: "" if m["marker"] == common else m[0], text)


def read_pyproject() -> dict[str, Any]:
    """The project's own `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _overrides(pyproject: Mapping[str, Any]) -> list[str]:
    overrides: list[str] = pyproject["tool"]["uv"]["override-dependencies"]
    return overrides


def seal(pyproject: Mapping[str, Any], directory: pathlib.Path) -> str:
    """A digest of what is resolved and of the files in `directory` that came of it."""
    project = pyproject["project"]
    inputs = [
        *(project["dependencies"], project["optional-dependencies"]),
        *(pyproject["dependency-groups"], _overrides(pyproject)),
        [dataclasses.asdict(each) for each in FILES],
    ]
    outputs = [f"{path.name}\n{path.read_text()}" for path in locked(directory)]
    digest = hashlib.sha256("\n".join([json.dumps(inputs), *outputs]).encode())
    return digest.hexdigest() + "\n"


def locked(directory: pathlib.Path) -> list[pathlib.Path]:
    """The files in `directory` that this program writes, which is all but one."""
    found = sorted(directory.glob("*.txt"))
    return [path for path in found if path.name != HAND_WRITTEN]


def is_sealed() -> bool:
    """Whether nothing changed since the last `make lock`; asks no index."""
    return seal(read_pyproject(), REQUIREMENTS) == _text(REQUIREMENTS / SEAL)


def compile_file(
    uv: str, file: Requirements, upgrades: Iterable[str], output: pathlib.Path
) -> None:
    """Resolves `file` anew in `output`, where its last text is and what it follows.

    Raises:
        subprocess.CalledProcessError: there is no solution, or the index does not
            answer; uv has said which.
    """
    path = output / file.name
    command = [uv, "pip", "compile", *file.sources(), *_OPTIONS]
    command += ["--python-version", file.since, "--output-file", str(path)]
    if file.same_as:
        command += ["--constraints", str(output / file.same_as)]
    for name in upgrades:
        command += ["--upgrade"] if name == ALL else ["--upgrade-package", name]
    settings = {
        "environments": file.environments(),
        "override-dependencies": _overrides(read_pyproject()),
    }
    with tempfile.TemporaryDirectory() as project:
        # uv takes these from the project it stands in, and from nowhere else. A JSON
        # list of strings is a TOML one as well.
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        text = "[tool.uv]\n" + "".join(lines)
        (pathlib.Path(project) / "pyproject.toml").write_text(text)
        command += ["--directory", project]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    path.write_text(without_common_marker(path.read_text()))


def lock_all(uv: str, upgrades: Iterable[str], output: pathlib.Path) -> None:
    """Writes every file to `output`, keeping committed pins but for `upgrades`."""
    for file in FILES:
        (output / file.name).write_text(_text(REQUIREMENTS / file.name))
        compile_file(uv, file, upgrades, output)
    (output / SEAL).write_text(seal(read_pyproject(), output))


def stale(committed: pathlib.Path, resolved: pathlib.Path) -> list[str]:
    """Differences between the pins of two folders, the seal's only if no other."""
    names = {path.name for d in (committed, resolved) for path in locked(d)}
    lines = [
        f"{name}: {line}"
        for name in sorted(names)
        for line in difflib.ndiff(
            *(_text(folder / name).splitlines() for folder in (committed, resolved))
        )
        if line.startswith(("+", "-")) and "--hash" not in line
    ]
    return lines or [f"{SEAL}: was made from something else"]


def _text(path: pathlib.Path) -> str:
    return path.read_text() if path.exists() else ""


def copy_changed(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies files; an equal one keeps its time, so nobody sets up anew from it."""
    for path in source.iterdir():
        if path.read_text() != _text(target / path.name):
            shutil.copyfile(path, target / path.name)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; 1 if `--check` finds a stale file or nothing resolves."""
    options = _parse(arguments)
    if options.check and is_sealed():
        print("requirements/ are current.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder)
        try:
            lock_all(options.uv, options.upgrade, output)
        except subprocess.CalledProcessError:
            print(UNSOLVED, file=sys.stderr)
            return 1
        if not options.check:
            copy_changed(output, REQUIREMENTS)
            return 0
        print("requirements/ are stale; `make lock` mends that:", file=sys.stderr)
        print(*stale(REQUIREMENTS, output), sep="\n", file=sys.stderr)
        return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--uv", default="uv", help="the uv to run")
    parser.add_argument(
        "--upgrade", nargs="*", default=[], metavar="NAME", help=f"or {ALL!r}"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
