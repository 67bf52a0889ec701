"""What `ktp compile` and `ktp submit` say before anything heavy is imported."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.kubeflow import compile_command, submit_command
from pipeline.errors import SettingError, SubmitError
from pipeline.kubeflow.volume_claim import VolumeClaim
from tests.support.pretrained import folders


def compiled(*arguments: str) -> Result:
    given = ("--output", "p.yaml", "--data", "/data/rows.csv", *arguments)
    return CliRunner().invoke(compile_command, given)


def test_the_commands_import_neither_tfx_nor_kfp():
    code = (
        "import sys, pipeline.commands.kubeflow as commands;"
        "print(sorted({'tfx', 'kfp', 'tensorflow', 'keras'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_compile_refuses_a_pretrained_folder_that_no_step_sees(tmp_path: Path):
    folder = str(folders.write_folder(tmp_path / "model"))
    told = str(compiled("--pretrained", folder).exception)
    assert f"--pretrained is {folder}, which no step can see" in told
    assert "Or a name on the Hugging Face Hub." in told
    mounted = ("--volume", f"claim:{tmp_path}", "--data", str(tmp_path))
    mounted += ("--push-root", str(tmp_path), "--image", "image:latest")
    told = str(compiled("--pretrained", folder, *mounted).exception)
    assert told.startswith("The image is 'image:latest'")  # And nothing else.


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--preset", "huge"], "no preset 'huge'"),
        (["--set", "model.num_layer=3"], "num_layer"),
        (["--volume", "claim"], "NAME:/mount/path"),
        (["--data", "/mnt/rows"], "--data is /mnt/rows"),
        (["--push-root", "/database"], "--push-root is /database"),
        (["--push-root", "/data/../tmp"], "--push-root is /data/../tmp"),
        (["--data", ""], "--data is empty"),
        (["--data", "hdfs://host/rows"], "a URI that begins with gs:// or s3://"),
        (["--push-root", "/data/a[1]"], "--push-root is '/data/a[1]'"),
        (["--push-root", "s3://bucket/rows"], "neither S3 nor MinIO"),
        (["--name", "Keras"], "The pipeline's name is 'Keras'"),
        (["--name", "a" * 64], "1 to 63 of them"),
        (["--name", ""], "The pipeline's name is ''"),
        (["--name", "-a"], "a letter or digit first and last"),
        (["--name", "a-"], "a letter or digit first and last"),
        (["--name", "a_b"], "allowed: lower-case letters, digits and dashes"),
        (["--image", ""], "The image is ''"),
        (["--image", "image:latest"], "The image is 'image:latest'"),
        (["--volume", "My_Claim:/data"], "volume claim's name is 'My_Claim'"),
        (["--volume", "a:/data", "--volume", "b:/data/"], "2 volumes are mounted"),
        (["--output", "p.txt"], "must end in .yaml for"),
        (["--resources", "Trainer"], "The resources of Trainer have ''"),
        (["--resources", "Trainer:cpu=0"], "of Trainer have 'cpu=0'; write NODE:cpu=4"),
        (["--resources", "Trainer:memory=8"], "of Trainer have 'memory=8'"),
        (["--resources", "Trainer:gpus=1"], "of Trainer have 'gpus=1'"),
        (["--teacher", "runs/large"], "--teacher is runs/large, which no step can see"),
        (["--unlabelled", "/data/more.txt"], "--unlabelled needs --teacher"),
        (["--set", "export.top_k=0"], "export.top_k is 0; allowed: a whole number"),
    ],
)
def test_compile_refuses_what_no_step_could_use(
    arguments: Sequence[str], complaint: str, monkeypatch: pytest.MonkeyPatch
):
    # Half a minute of imports is too long to wait for a refusal.
    monkeypatch.setitem(sys.modules, "pipeline.kubeflow.compile", None)
    error = compiled(*arguments).exception
    assert isinstance(error, SettingError)
    assert complaint in str(error)


def test_vertex_gets_no_volume_unasked():
    result = compiled("--output", "p.json")
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


@pytest.mark.parametrize(
    "name", ["a", "my-claim", "a.b-c.d", "0", "x" * 253, "keras-transformer-pipeline"]
)
def test_a_claim_is_named_as_kubernetes_names_it(name: str):
    assert VolumeClaim.parse(f"{name}:/data").name == name


@pytest.mark.parametrize(
    "name", ["A", "a_b", "-a", "a-", ".a", "a..b", "a.-b", "ä", "a b", "x" * 254, "a\n"]
)
def test_a_name_that_kubernetes_does_not_take_is_refused(name: str):
    with pytest.raises(SettingError, match="claim's name is .*lower-case letters"):
        VolumeClaim.parse(f"{name}:/data")


@pytest.mark.parametrize("path", ["/", "//", "/a:ro", "/a/../b", "/a\nb"])
def test_a_mount_that_kubernetes_does_not_take_is_refused(path: str):
    with pytest.raises(SettingError, match="an absolute path below /"):
        VolumeClaim.parse(f"claim:{path}")


def test_a_volume_holds_what_lies_below_its_mount():
    claim = VolumeClaim.parse("claim:/data/")
    assert claim.holds("/data")
    assert claim.holds("/data/examples")
    assert not claim.holds("/database")
