"""`make check-tree` says what speaks against applying a tree."""

import copy
import pathlib

import pytest

from tests.support.k8s import check, rendering
from tests.support.k8s.policy.pods import NO_DIGEST_YET

pytestmark = pytest.mark.skipif(rendering.kubectl() is None, reason="needs kubectl")


def filled_in() -> list[rendering.Resource]:
    """Production, with a digest in place of the zeros."""
    resources = copy.deepcopy(rendering.render("production"))
    for each in resources:
        if each["kind"] == "Deployment":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            container["image"] = container["image"].replace(NO_DIGEST_YET, "a" * 64)
    return resources


def test_zeros_are_refused_before_applying(capsys: pytest.CaptureFixture[str]):
    assert check.main([str(rendering.K8S_DIR / "overlays" / "production")]) == 1
    (finding,) = capsys.readouterr().out.splitlines()
    assert "has zeros for a digest" in finding


def test_a_digest_is_all_that_production_lacks():
    assert list(check.findings(filled_in())) == []


def test_what_is_left_open_is_named():
    (finding,) = check.findings(rendering.render("shared"))
    assert finding.startswith("PersistentVolume")
    assert "YOUR-NFS-SERVER is for you" in finding


def test_what_a_schema_says_is_a_finding_and_not_the_end():
    resources = filled_in()
    for each in resources:
        if each["kind"] == "Service":
            each["spec"]["portz"] = []
    found = list(check.findings(resources))
    assert len([each for each in found if "portz" in each]) == 4
    resources[0] = {**resources[0], "apiVersion": "example.com/v1", "kind": "New"}
    assert any(each.startswith("New ") for each in check.findings(resources))


def test_a_tree_outside_of_the_repository_is_read(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\n")
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: bare}\n"
        "spec: {containers: [{name: c, image: busybox}]}\n"
    )
    assert check.main([str(tmp_path)]) == 1
    assert "Pod bare: no policy looks into this kind" in capsys.readouterr().out
