"""The hooks before a commit need no network, and call what exists."""

import re
import shlex

import pytest
import yaml

from tests.support.repository import ROOT

REPOSITORIES = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
HOOKS = [hook for each in REPOSITORIES for hook in each["hooks"]]


def test_nothing_is_fetched() -> None:
    assert [each["repo"] for each in REPOSITORIES] == ["local"]
    assert {hook["language"] for hook in HOOKS} == {"system"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_calls_what_exists(hook: dict[str, str]) -> None:
    program, *words = shlex.split(hook["entry"])
    if program == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert re.search(rf"^{words[0]}:", makefile, re.MULTILINE)
    else:
        assert (ROOT / program).exists()


def test_the_documentation_is_checked_when_any_of_its_pages_changes() -> None:
    (hook,) = (hook for hook in HOOKS if hook["id"] == "docs")
    pages = ["docs/index.md", "docs/decisions/server.md", "mkdocs.yml", "k8s/README.md"]
    assert all(re.search(hook["files"], page) for page in [*pages, "SECURITY.md"])
    assert not re.search(hook["files"], "serving/client/errors.py")
