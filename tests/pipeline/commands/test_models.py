"""`ktp models`, as a person types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.models import models


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("edge", "serving_model"):
        for version in ("1700000000", "1800000000"):
            (tmp_path / folder / version).mkdir(parents=True)
    return tmp_path


def called(*arguments: str) -> Result:
    return CliRunner().invoke(models, arguments, catch_exceptions=False)


def test_the_list_shows_number_moment_state_and_device_files(root: Path) -> None:
    head, newest, older = called("list", str(root)).output.splitlines()
    assert head.split() == ["version", "pushed", "state", "device", "files"]
    assert newest.split()[0] == "1800000000"
    assert newest.split()[1].startswith("2027-01-1")
    assert newest.split()[3:] == ["live", "yes"]
    assert older.split()[3:] == ["earlier", "yes"]


def test_json_has_a_line_for_each(root: Path) -> None:
    lines = called("list", str(root), "--json").output.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["live", "earlier"]
    assert json.loads(lines[0])["number"] == 1800000000


def test_rollback_and_promote_say_what_is_live(root: Path) -> None:
    assert called("rollback", str(root)).output.startswith("Version 1700000000 is live")
    assert not (root / "serving_model" / "1800000000").exists()
    told = called("promote", str(root), "1800000000").output
    assert told.startswith("Version 1800000000 is live")
    assert (root / "serving_model" / "1800000000").exists()
