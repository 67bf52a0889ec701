"""What `make k8s-config` writes; `tests/k8s` holds what the files must say."""

import pathlib
import shutil

import pytest

from scripts import k8s_config


def test_only_what_is_stale_is_written_and_named(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    folder = tmp_path / "k8s"
    shutil.copytree(k8s_config.K8S_DIR, folder)
    monkeypatch.setattr(k8s_config, "K8S_DIR", folder)
    written = folder / "base" / "server-args.yaml"
    before = written.read_text()
    written.write_text("stale")
    (config, *_) = sorted((folder / "base" / "config").iterdir())
    config.unlink()
    assert k8s_config.main([]) == 0
    named = set(capsys.readouterr().out.split())
    assert named == {"k8s/base/server-args.yaml", f"k8s/base/config/{config.name}"}
    assert written.read_text() == before
    assert k8s_config.stale() == []
    assert k8s_config.main([]) == 0
    assert capsys.readouterr().out == ""


def test_two_versions_are_pinned_for_the_canary(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(k8s_config, "K8S_DIR", tmp_path)
    assert k8s_config.main(["--stable", "3", "--canary", "12"]) == 0
    stable, new = (
        (tmp_path / path.removeprefix("k8s/")).read_text()
        for path in capsys.readouterr().out.split()
    )
    assert "versions: 3\n" in stable
    assert "versions: 12\n" in new


@pytest.mark.parametrize(
    "arguments", [["--stable", "3"], ["--stable", "0", "--canary", "1"]]
)
def test_one_version_alone_or_none_is_refused(arguments: list[str]):
    with pytest.raises(SystemExit):
        k8s_config.main(arguments)
