"""Public data sets: found by name, fetched, checked, and written whole."""

import dataclasses
import hashlib
import json
from pathlib import Path

import httpx
import pytest

from model import contract
from pipeline.config import Environment
from pipeline.data import public
from pipeline.data.public import PUBLIC_DATASETS, fetch, resolve
from pipeline.errors import DataError

BANKING_CSV = b'text,category\n"lost my\ncard",card\nmore cash,cash\n'
FETCHED = b"text,label\nlost my card,card\nmore cash,cash\n"


class FakeWeb:
    """Answers every URL with one body and status."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.body, self.status = body, status
        self.asked: list[str] = []

    def get(self, url: str, **_: object) -> httpx.Response:
        self.asked.append(url)
        request = httpx.Request("GET", url)
        return httpx.Response(self.status, content=self.body, request=request)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> FakeWeb:
    web = FakeWeb(BANKING_CSV)
    monkeypatch.setattr(httpx, "get", web.get)
    digest = hashlib.sha256(FETCHED).hexdigest()
    banking = dataclasses.replace(
        PUBLIC_DATASETS["banking77"],
        sha256={contract.TRAIN: digest, contract.TEST: digest},
    )
    monkeypatch.setattr(public, "PUBLIC_DATASETS", {"banking77": banking})
    return web


def environment(datasets_dir: Path | None, cache_dir: Path) -> Environment:
    return Environment(datasets_dir=datasets_dir, cache_dir=cache_dir)


def test_a_path_stays_a_path(tmp_path: Path) -> None:
    here = environment(tmp_path, tmp_path)
    assert resolve("somewhere.csv", here) == Path("somewhere.csv")
    assert resolve(str(tmp_path), here) == tmp_path


def test_a_name_is_found_in_the_named_folder_before_the_cache(tmp_path: Path) -> None:
    sets, cache = tmp_path / "sets", tmp_path / "cache"
    (cache / "datasets" / "banking77").mkdir(parents=True)
    assert (
        resolve("banking77", environment(sets, cache))
        == cache / "datasets" / "banking77"
    )
    (sets / "banking77").mkdir(parents=True)
    assert resolve("banking77", environment(sets, cache)) == sets / "banking77"


@pytest.mark.parametrize("with_folder", [True, False])
def test_a_name_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, with_folder: bool
) -> None:
    here = environment(tmp_path if with_folder else None, tmp_path)
    with pytest.raises(DataError, match="ktp data fetch clinc150.*KTP_DATASETS"):
        resolve("clinc150", here)


def test_every_split_is_fetched_checked_and_written(
    web: FakeWeb, tmp_path: Path
) -> None:
    folder = fetch("banking77", tmp_path)
    assert folder == tmp_path / "banking77"
    assert {path.name for path in folder.iterdir()} == {"train.csv", "test.csv"}
    assert (folder / "train.csv").read_bytes() == FETCHED
    assert [url.rsplit("/", 1)[-1] for url in web.asked] == ["train.csv", "test.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["banking77"]


def test_fetching_again_replaces_what_was_there(web: FakeWeb, tmp_path: Path) -> None:
    stale = tmp_path / "banking77" / "stale.csv"
    stale.parent.mkdir()
    stale.touch()
    fetch("banking77", tmp_path)
    assert not stale.exists()


def test_data_that_has_changed_at_its_source_is_not_taken(
    web: FakeWeb, tmp_path: Path
) -> None:
    web.body = BANKING_CSV.replace(b"cash", b"money")
    with pytest.raises(DataError, match=r"banking77/train\.csv has the sha256 "):
        fetch("banking77", tmp_path)
    assert not (tmp_path / "banking77").exists()


def test_a_failed_download_names_the_address(web: FakeWeb, tmp_path: Path) -> None:
    web.status = 404
    with pytest.raises(DataError, match=r"https://.*could not be fetched.*404"):
        fetch("banking77", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data set 'bank'; there are banking77, "):
        fetch("bank", tmp_path)


def test_clinc_joins_what_is_in_scope_and_what_is_not() -> None:
    names = ("train", "oos_train", "val", "oos_val", "test", "oos_test")
    content = {name: [[f"a {name} text", name]] for name in names}
    converted = PUBLIC_DATASETS["clinc150"].convert(
        {"all": json.dumps(content).encode()}
    )
    assert {
        split: [label for _, label in rows] for split, rows in converted.items()
    } == {
        contract.TRAIN: ["train", "oos_train"],
        contract.VALIDATION: ["val", "oos_val"],
        contract.TEST: ["test", "oos_test"],
    }


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_every_data_set_says_whose_it_is(name: str) -> None:
    dataset = PUBLIC_DATASETS[name]
    assert dataset.licence.startswith("CC BY")
    assert all(url.startswith("https://") for url in dataset.urls.values())
    assert set(dataset.sha256) <= set(contract.SPLITS)
    assert all(len(digest) == 64 for digest in dataset.sha256.values())
