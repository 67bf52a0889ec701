"""What `ktp compile` and `ktp submit` say before anything heavy is imported."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.kubeflow import compile_command, submit_command
from pipeline.errors import SettingError
from pipeline.kubeflow.submit import SubmitError
from pipeline.kubeflow.volume_claim import VolumeClaim


def compiled(*arguments: str) -> Result:
    return CliRunner().invoke(compile_command, ["--output", "p.yaml", *arguments])


def test_the_commands_import_neither_tfx_nor_kfp():
    code = (
        "import sys, pipeline.commands.kubeflow as commands;"
        "print(sorted({'tfx', 'kfp', 'tensorflow', 'keras'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--preset", "huge"], "no preset 'huge'"),
        (["--set", "model.num_layer=3"], "num_layer"),
        (["--volume", "claim"], "NAME:/mount/path"),
        (["--data-root", "/mnt/rows"], "--data-root is /mnt/rows"),
        (["--push-root", "/database"], "--push-root is /database"),
    ],
)
def test_compile_refuses_what_no_step_could_use(
    arguments: Sequence[str], complaint: str
):
    error = compiled(*arguments).exception
    assert isinstance(error, SettingError)
    assert complaint in str(error)


def test_vertex_gets_no_volume_unasked():
    result = CliRunner().invoke(compile_command, ["--output", "p.json"])
    assert isinstance(result.exception, SettingError)
    assert "Mounted: nothing" in str(result.exception)


def test_a_setting_without_a_value_is_refused():
    result = compiled("--set", "model.num_layers")
    assert isinstance(result.exception, SettingError)
    assert "is not KEY=VALUE" in str(result.exception)


def test_submit_refuses_a_missing_file_before_it_asks_the_server():
    result = CliRunner().invoke(submit_command, ["missing.yaml"])
    assert isinstance(result.exception, SubmitError)
    assert "ktp compile" in str(result.exception)


@pytest.mark.parametrize("text", ["claim", "claim:data", ":/data", ""])
def test_a_volume_needs_a_name_and_an_absolute_path(text: str):
    with pytest.raises(SettingError, match="NAME:/mount/path"):
        VolumeClaim.parse(text)


def test_a_volume_holds_what_lies_below_its_mount():
    claim = VolumeClaim.parse("claim:/data/")
    assert claim.holds("/data")
    assert claim.holds("/data/examples")
    assert not claim.holds("/database")
