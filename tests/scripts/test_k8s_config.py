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
    assert k8s_config.main() == 0
    named = set(capsys.readouterr().out.split())
    assert named == {"k8s/base/server-args.yaml", f"k8s/base/config/{config.name}"}
    assert written.read_text() == before
    assert k8s_config.stale() == []
    assert k8s_config.main() == 0
    assert capsys.readouterr().out == ""
