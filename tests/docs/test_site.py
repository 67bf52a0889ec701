"""The documentation, built as `make docs` builds it, needs nobody else."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.support.repository import ROOT

_LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]*\ssrc=\"?([^\s\">]+)"
    r"|<link[^>]*\srel=\"?(?:stylesheet|preconnect|preload)[^>]*\shref=\"?([^\s\">]+)"
    r"|<link[^>]*\shref=\"?([^\s\">]+)\"?[^>]*\srel=\"?(?:stylesheet|preconnect|preload)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        folder,
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return folder


def loaded_by(page: pathlib.Path) -> list[str]:
    """What a browser fetches for the page without being asked."""
    return [next(filter(None, each)) for each in _LOADED.findall(page.read_text())]


def test_a_page_loads_nothing_from_elsewhere(site: pathlib.Path) -> None:
    pages = sorted(site.rglob("*.html"))
    loaded = {address for page in pages for address in loaded_by(page)}
    assert len(pages) > 20
    assert any(address.endswith(".css") for address in loaded)
    assert any(address.endswith(".js") for address in loaded)
    assert not [address for address in loaded if re.match(r"\w+:|//", address)]


def test_the_reference_has_the_methods_of_the_client(site: pathlib.Path) -> None:
    reference = (site / "reference.html").read_text()
    for name in ("Client.classify", "AsyncClient.predict", "EdgeClassifier.scores"):
        assert re.search(rf'id="?serving\.[\w.]*{re.escape(name)}"?', reference), name
