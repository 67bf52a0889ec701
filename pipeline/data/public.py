"""Public data sets by name: where they are, what they are, whose they are."""

import csv
import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from model import contract
from pipeline.config import Environment
from pipeline.errors import DataError

_TIMEOUT_S = 60.0
_LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")
_RAW = "https://raw.githubusercontent.com"
_POLYAI = (
    f"{_RAW}/PolyAI-LDN/task-specific-datasets/57ec275d8078af65b7731c2a98be812d844a6d6b"
)
_CLINC = f"{_RAW}/clinc/oos-eval/828f8093932c8fe6ca7936c3d2e52903b1c523de"

Rows = Iterator[tuple[str, str]]
Convert = Callable[[Mapping[str, bytes]], Mapping[str, Rows]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublicDataset:
    """A data set of somebody else, fetched from them.

    `sha256` maps each split to the hash of the converted CSV file.
    """

    title: str
    licence: str
    urls: Mapping[str, str]
    sha256: Mapping[str, str]
    convert: Convert


def resolve(source: str, environment: Environment) -> Path:
    """Leaves a path as it is; finds the folder of a data set by its name.

    Raises:
        DataError: The name is known, but the data set is not here yet.
    """
    path = Path(source)
    # `Path.exists` raises an OSError of its own for a name that is too long.
    if os.path.exists(path) or source not in PUBLIC_DATASETS:
        return path
    for folder in (environment.datasets_dir, environment.cache_dir / "datasets"):
        if folder is not None and (folder / source).is_dir():
            return folder / source
    raise DataError(
        f"The data set '{source}' is not on this machine. Fetch it with "
        f"'ktp data fetch {source}', or point KTP_DATASETS to a folder that holds it."
    )


def fetch(name: str, folder: Path) -> Path:
    """Downloads a data set, checks it, and writes `<folder>/<name>/<split>.csv`.

    Raises:
        DataError: The name is unknown, the download failed, or it is not the data
            that was published.
    """
    if name not in PUBLIC_DATASETS:
        raise DataError(
            f"There is no data set '{name}'; there are {', '.join(PUBLIC_DATASETS)}."
        )
    dataset = PUBLIC_DATASETS[name]
    parts = {key: _download(url) for key, url in dataset.urls.items()}
    staging = folder / f".staging-{name}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for split, rows in dataset.convert(parts).items():
        content = _csv_bytes(rows)
        _check(name, split, content, dataset.sha256[split])
        (staging / f"{split}.csv").write_bytes(content)
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    return staging.rename(target)


def _download(url: str) -> bytes:
    try:
        response = httpx.get(url, timeout=_TIMEOUT_S, follow_redirects=True)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise DataError(
            f"{url} could not be fetched: {error}. Is there a network? A folder that "
            "already holds the data set can be named with KTP_DATASETS."
        ) from error
    return response.content


def _check(name: str, split: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{name}/{split}.csv has the sha256 {found}, expected was {expected}: the "
            "source has changed. Nothing was written."
        )


def _csv_bytes(rows: Rows) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((contract.TEXT, contract.LABEL))
    for text, label in rows:
        writer.writerow((_LINE_BREAK.sub(" ", text).strip(), label))
    return buffer.getvalue().encode()


def _from_banking77(parts: Mapping[str, bytes]) -> Mapping[str, Rows]:
    def rows(content: bytes) -> Rows:
        for row in csv.DictReader(io.StringIO(content.decode())):
            yield row["text"], row["category"]

    return {split: rows(content) for split, content in parts.items()}


def _from_clinc150(parts: Mapping[str, bytes]) -> Mapping[str, Rows]:
    content = json.loads(parts["all"])

    def rows(*keys: str) -> Rows:
        for key in keys:
            yield from map(tuple, content[key])

    return {
        contract.TRAIN: rows("train", "oos_train"),
        contract.VALIDATION: rows("val", "oos_val"),
        contract.TEST: rows("test", "oos_test"),
    }


PUBLIC_DATASETS: Mapping[str, PublicDataset] = MappingProxyType(
    {
        "banking77": PublicDataset(
            title="77 banking-support intents, English (Casanueva et al. 2020)",
            licence="CC BY 4.0",
            urls={
                contract.TRAIN: f"{_POLYAI}/banking_data/train.csv",
                contract.TEST: f"{_POLYAI}/banking_data/test.csv",
            },
            sha256={
                contract.TRAIN: "42a4ef12e58cc1dd19f01d8ad56b9289"
                "aef8a246df8abe8b512e3e0fa94345ed",
                contract.TEST: "537842ab25f621ca3e1dc6c065b1c597"
                "69acdc1b937ddae7b5fff19e7677c51f",
            },
            convert=_from_banking77,
        ),
        "clinc150": PublicDataset(
            title="150 intents and out-of-scope, English (Larson et al. 2019)",
            licence="CC BY 3.0",
            urls={"all": f"{_CLINC}/data/data_full.json"},
            sha256={
                contract.TRAIN: "e6882599e1f258267bf2059686c28af2"
                "53800ddf6d1a19c2ae9930947a3a9d6d",
                contract.VALIDATION: "6a199f87aa340566e5d940d37f2010db"
                "38b5e3b439f934eee3f9bcf42f5a2f29",
                contract.TEST: "9596c6a420a4cc887dbb55c45483bc45"
                "28d301e41836cb51c98e1771b82b3095",
            },
            convert=_from_clinc150,
        ),
    }
)
