"""Pretrained encoders from a folder, a URI or the Hub."""

from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub import errors

from model.pretrained.folder import PretrainedFolder
from model.pretrained.reading import PretrainedError
from model.pretrained.source import PretrainedSource, found
from tests.support.pretrained import folders as fakes

NAME = "someone/small-bert"
COMMIT = "1f2e" * 10


class Hub:
    """Stands for the Hub: answers `snapshot_download` from a folder, or raises."""

    def __init__(self, answer: Path | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def snapshot_download(self, name: str, **options: Any) -> str:
        self.asked.append((name, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fakes.write_folder(tmp_path / COMMIT)


def on_hub(monkeypatch: pytest.MonkeyPatch, answer: Path | Exception) -> Hub:
    hub = Hub(answer)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    return hub


def refusal(text: str) -> str:
    with pytest.raises(PretrainedError) as caught, found(text):
        pass
    return str(caught.value)


def test_a_folder_is_named_by_its_whole_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder.parent)
    with found(folder.name) as (source, opened):
        assert source.place == str(folder)
        assert source.digest == opened.digest


def test_a_uri_is_copied_for_as_long_as_it_is_open(folder: Path):
    (folder / "README.md").write_text("Not read.")
    with found(f"file://{folder}") as (source, opened):
        copied = {path.name for path in opened.path.iterdir()}
        assert "README.md" not in copied
        assert opened.digest == PretrainedFolder.open(folder).digest
        assert source.place == f"file://{folder}"
    assert not opened.path.exists()


def test_a_name_is_fetched_at_a_revision_and_pinned_to_its_commit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    hub = on_hub(monkeypatch, folder)
    with found(f"{NAME}@v1") as (source, _):
        assert str(source) == f"{NAME}@{COMMIT}"
    with source.opened():
        pass
    assert [options["revision"] for _, options in hub.asked] == ["v1", COMMIT]
    patterns = hub.asked[0][1]["allow_patterns"]
    assert "model.safetensors" in patterns
    assert "pytorch_model.bin" not in patterns


def test_another_content_than_was_meant_is_refused(folder: Path):
    with found(str(folder)) as (source, _):
        pass
    fakes.write_json(folder / "tokenizer_config.json", {"do_lower_case": True})
    changed = pytest.raises(PretrainedError, match="has changed.*Start the run again")
    with changed, source.opened():
        pass
    with PretrainedSource(
        place=str(folder), digest=PretrainedFolder.open(folder).digest
    ).opened() as opened:
        assert opened.path == folder


_RESPONSE = httpx.Response(404, request=httpx.Request("GET", "https://hub.invalid"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.LocalEntryNotFoundError("offline"), "Without internet: hf download"),
        (httpx.ConnectError("no route"), "Without internet: hf download"),
        (OSError("no space"), "cannot be had (no space)"),
        (errors.RepositoryNotFoundError("no", response=_RESPONSE), "Check the name"),
        (errors.RevisionNotFoundError("no", response=_RESPONSE), "has no revision"),
        (errors.GatedRepoError("no", response=_RESPONSE), "accept its licence"),
    ],
)
def test_what_the_hub_does_not_give_is_named_with_a_cure(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
):
    on_hub(monkeypatch, error)
    assert told in refusal(f"{NAME}@v9")


@pytest.mark.parametrize("text", ["/no/such/folder", "./models", "a b", "a/b/c"])
def test_no_folder_and_no_name_is_told_what_is_taken(text: str):
    assert "There is no folder" in refusal(text)


def test_a_uri_that_cannot_be_read_is_named():
    assert "cannot be read" in refusal("file:///no/such/folder")
