"""Artifact types, and what our components write into them."""

import subprocess
import sys
from pathlib import Path

import pytest
from tfx.components.pusher.executor import Executor as TfxPusher
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts

import components
from components import artifacts


@pytest.mark.parametrize("name", components._ARTIFACTS)
def test_kubeflow_finds_every_type_by_its_name(name: str) -> None:
    found = getattr(components, name)
    assert found is getattr(artifacts, name)
    assert f"components.{name}" == found.TYPE_NAME


def test_another_name_is_not_found() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Vocabularies'"):
        _ = components.Vocabularies


def test_the_package_alone_imports_no_tfx() -> None:
    program = (
        "import sys, components; print(sorted({'tfx', 'numpy'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize("blessed", [True, False])
def test_tfx_reads_a_blessing_as_it_was_meant(tmp_path: Path, blessed: bool) -> None:
    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(tmp_path)
    artifacts.bless(blessing, blessed)
    assert blessing.get_int_custom_property("blessed") == blessed
    assert len(list(tmp_path.iterdir())) == 1
    assert TfxPusher().CheckBlessing({"infra_blessing": [blessing]}) == blessed
    assert fileio.exists(str(tmp_path / "INFRA_BLESSED")) == blessed


def test_json_survives(tmp_path: Path) -> None:
    value = {"reason": "größer", "rows": 3, "scores": [0.1, 1e-7], "note": None}
    artifacts.write_json(str(tmp_path), "x.json", value)
    assert artifacts.read_json(str(tmp_path), "x.json") == value
