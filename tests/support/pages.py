"""The pages that people read, and what stands in them: commands, code, words."""

import dataclasses
import functools
import pathlib
import re

from tests.support.repository import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"`([^`\n]+)`")


@dataclasses.dataclass(frozen=True)
class Page:
    """A Markdown file; `name` is its path in the repository."""

    name: str

    @property
    def path(self) -> pathlib.Path:
        return ROOT / self.name

    @functools.cached_property
    def text(self) -> str:
        return self.path.read_text()

    def blocks(self, *languages: str) -> list[str]:
        """What stands between fences of one of the languages."""
        found = _FENCE.findall(self.text)
        return [block for language, block in found if language in languages]

    @functools.cached_property
    def words(self) -> list[str]:
        """What stands between backticks within a line."""
        return _WORD.findall(_FENCE.sub("", self.text))

    @functools.cached_property
    def commands(self) -> list[str]:
        """Every line to type, without the folder of its program and its comment."""
        blocks = "".join(self.blocks("sh", "bash")).replace("\\\n", " ")
        lines = [line.split(" #")[0].strip() for line in blocks.splitlines()]
        return [re.sub(r"^\S*bin/", "", line) for line in [*lines, *self.words]]

    def commands_of(self, program: str) -> list[str]:
        """Those that begin with `program`."""
        return [each for each in self.commands if each.startswith(f"{program} ")]

    def table(self, first_column: str) -> list[list[str]]:
        """The rows of every table whose first column has that head."""
        tables = re.findall(
            rf"^\| {re.escape(first_column)} \|.*\n\|[-:| ]+\|\n((?:\|.*\n)+)",
            self.text,
            re.MULTILINE,
        )
        rows = [row for table in tables for row in table.splitlines()]
        return [[cell.strip() for cell in row[1:-1].split(" |")] for row in rows]


README = Page("README.md")
PAGES = [
    README,
    Page("CONTRIBUTING.md"),
    Page("SECURITY.md"),
    Page("serving/README.md"),
    Page("benchmarks/README.md"),
    Page("k8s/README.md"),
    *(
        Page(path.relative_to(ROOT).as_posix())
        for path in sorted((ROOT / "docs").rglob("*.md"))
    ),
]
