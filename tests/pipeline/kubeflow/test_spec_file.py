"""What `ktp submit` says of files that are no pipeline for Kubeflow."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import SubmitError
from pipeline.kubeflow import spec_file
from pipeline.kubeflow.spec_file import check_spec

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "tiny"},
    "schemaVersion": "2.1.0",
    "root": {"dag": {}},
    "deploymentSpec": {"executors": {}},
}
PLATFORMS = {"platforms": {"kubernetes": {}}}


def written(folder: Path, *documents: object) -> Path:
    path = folder / "p.yaml"
    path.write_text(yaml.dump_all(documents))
    return path


@pytest.mark.parametrize("documents", [[SPEC], [SPEC, PLATFORMS]])
def test_a_compiled_pipeline_is_taken_with_and_without_platforms(
    tmp_path: Path, documents: list[object]
) -> None:
    check_spec(written(tmp_path, *documents))


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        ([None], "is empty"),
        ([[SPEC]], "holds a list"),
        (["text"], "holds one value"),
        ([5], "holds one value"),
        ([{}], "holds nothing"),
        ([{"a": 1, 2: 3}], "something with the keys 'a', 2"),
        (
            [{"apiVersion": "tekton.dev/v1", "kind": "Pipeline"}],
            "a Kubernetes object, 'Pipeline' of 'tekton.dev/v1'",
        ),
        (
            [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}],
            "a Kubernetes object, 'Workflow'",
        ),
        ([{"pipelineSpec": SPEC}], "a job for Vertex AI"),
        ([PLATFORMS], "the platforms of a pipeline without the pipeline"),
        ([PLATFORMS, SPEC], "the platforms of a pipeline without the pipeline"),
        ([{**SPEC, "schemaVersion": "2.0.0"}], "schemaVersion '2.0.0'; .*takes 2.1.0"),
        ([{**SPEC, "schemaVersion": 2}], "schemaVersion 2; .*takes 2.1.0"),
        ([{**SPEC, "root": None}], "without root"),
        ([{"schemaVersion": "2.1.0"}], "without pipelineInfo, deploymentSpec, root"),
        ([SPEC, SPEC], "second document that is not the pipeline's `platforms`"),
        ([SPEC, None], "second document that is not the pipeline's `platforms`"),
        ([SPEC, PLATFORMS, SPEC], "holds 3 documents"),
    ],
)
def test_what_is_no_pipeline_is_told_as_what_it_is(
    tmp_path: Path, documents: list[object], told: str
) -> None:
    with pytest.raises(SubmitError, match=rf"p\.yaml .*{told}"):
        check_spec(written(tmp_path, *documents))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# only a comment\n",
        b"---\n---\n---\n",
        b"a: [1, 2\nb: 3",
        b"\tindented: by a tab",
        b"a: b: c",
        b"\xff\xfe\x00binary\x00",
        b"name: caf\xe9",
        yaml.safe_dump(SPEC).encode("utf-16"),
        b"PK\x03\x04\x00\x00",
        b"when: 2024-99-99",
        b"!!python/object/apply:os.system ['true']",
        b"? [a, list, as, a, key]\n: 1",
        b"a: *nobody",
        b"[" * 20_000,
        b"<!DOCTYPE html><html>Sign in</html>",
        b'{"open": ',
    ],
)
def test_whatever_stands_in_the_file_is_one_message(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(SubmitError, match=r"p\.yaml ") as caught:
        check_spec(path)
    assert len(str(caught.value)) < 500
    assert str(caught.value).replace("\n", "").isprintable()


def test_wrong_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: 2\nc: d: e\n")
    with pytest.raises(SubmitError, match="no YAML in line 3"):
        check_spec(path)


def test_a_huge_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_bytes", None)
    path = tmp_path / "p.yaml"
    with path.open("wb") as file:
        file.truncate(3 * spec_file._MOST_BYTES)
    with pytest.raises(SubmitError, match="has 24 MiB; .* less than 8"):
        check_spec(path)


def test_names_that_cannot_be_right_are_refused_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    for name, told in {
        "p.json": "Compile to a .yaml file",
        "p.txt": "must end in .yaml",
        "p": "must end in .yaml",
        "missing.yaml": "does not exist. Write one with: ktp compile",
        "folder.yaml": "is not a file",
        "p.yaml/more.yaml": "does not exist",
        "x" * 300 + ".yaml": "cannot be read: File name too long",
        "line\nbreak.yaml": "does not exist",
    }.items():
        with pytest.raises(SubmitError, match=re.escape(told)) as caught:
            check_spec(tmp_path / name)
        assert "\n" not in str(caught.value)
