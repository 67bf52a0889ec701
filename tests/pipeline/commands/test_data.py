"""`ktp data`: what is offered, and what `fetch` says before and after."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.commands.data import data
from pipeline.data import public
from pipeline.errors import DataError


def test_the_list_has_every_name_with_its_licence() -> None:
    told = CliRunner().invoke(data, ["list"]).output
    for name, dataset in public.PUBLIC_DATASETS.items():
        (line,) = (line for line in told.splitlines() if line.strip().startswith(name))
        assert dataset.licence in line


def test_fetch_says_from_where_and_whose_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Path]] = []

    def fetch(name: str, folder: Path) -> Path:
        asked.append((name, folder))
        return folder / name

    monkeypatch.setattr(public, "fetch", fetch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = CliRunner().invoke(data, ["fetch", "clinc150"]).output.splitlines()
    folder = tmp_path / "keras-transformer-pipeline" / "datasets"
    assert asked == [("clinc150", folder)]
    assert told[0].startswith("from https://")
    assert told[1] == "licence CC BY 3.0"
    assert told[2] == f"wrote {folder}/clinc150; use it with: ktp run --data clinc150"


def test_an_unknown_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    error = CliRunner().invoke(data, ["fetch", "bank"]).exception
    assert isinstance(error, DataError)
    assert "no data set 'bank'" in str(error)
