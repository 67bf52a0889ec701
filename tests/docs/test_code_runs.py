"""The Python code of the pages runs as it stands, against a server in this process."""

import pathlib

import pytest

from tests.support.pages import PAGES
from tests.support.serving.fakes import FakeServer

ENDPOINT = "localhost:8500"
# The fake model has no other; the device's code is run by examples/.
BLOCKS = [
    block
    for page in PAGES
    for block in page.blocks("python")
    if ENDPOINT in block and "model_name" not in block
]


@pytest.mark.parametrize("block", BLOCKS)
def test_code_of_a_page_runs(
    block: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mails.txt").write_text("one\ntwo\n")
    with FakeServer(tmp_path / "model") as server:
        # The same code, under the name it has when it is installed alone.
        here = block.replace("ktp_client", "serving.client")
        exec(here.replace(ENDPOINT, server.grpc_endpoint), {"__name__": "page"})
    is_for_failures = "except" in block
    assert capsys.readouterr().out or is_for_failures


def test_there_is_code_to_run() -> None:
    assert len(BLOCKS) >= 4
