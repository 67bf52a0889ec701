"""Nodes run one by one, are told to a listener, and come from the cache next time."""

import dataclasses
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.utils import dependency_utils

from pipeline.beam import IN_PROCESS
from pipeline.run.node_runner import NodeError, NodeRun, run_pipeline


@tfx.dsl.components.component
def Writer(
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
    text: tfx.dsl.components.Parameter[str],
) -> None:
    """Writes a text, or fails with it."""
    if text.startswith("kill"):
        Path(model.uri, "text").write_text("half")
        raise KeyboardInterrupt  # As SIGKILL: nobody tidies up behind it.
    if text.startswith("fail"):
        raise ValueError(f"{text}\nand more lines")
    Path(model.uri, "text").write_text(text)


@tfx.dsl.components.component
def Copier(
    source: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
) -> None:
    """Copies what Writer wrote."""
    text = Path(source.uri, "text").read_text()
    Path(model.uri, "text").write_text(f"copied {text}")


class Recorder:
    """Notes what it hears of a run."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []

    def node_started(self, node_id: str, position: int, total: int) -> None:
        self.heard.append((node_id, f"{position} of {total}"))

    def node_finished(self, run: NodeRun) -> None:
        self.heard.append((run.node_id, "cached" if run.cached else "ran"))


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder with the artifacts and the metadata of every run in it."""

    folder: Path

    def run(
        self, text: str, *, resolver: bool = False
    ) -> tuple[dict[str, NodeRun], list[tuple[str, object]]]:
        writer = Writer(text=text)
        nodes = [writer, Copier(source=writer.outputs["model"])]
        if resolver:
            nodes.append(
                tfx.dsl.Resolver(
                    strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
                    model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
                    model_blessing=tfx.dsl.Channel(
                        type=tfx.types.standard_artifacts.ModelBlessing
                    ),
                ).with_id("BaselineResolver")
            )
        pipeline = tfx.dsl.Pipeline(
            "small",
            str(self.folder / "artifacts"),
            components=nodes,
            enable_cache=True,
            metadata_connection_config=sqlite_metadata_connection_config(
                str(self.folder / "metadata.sqlite")
            ),
        )
        recorder = Recorder()
        return run_pipeline(pipeline, recorder), recorder.heard


def written(run: NodeRun) -> str:
    (artifact,) = run.outputs["model"]
    return Path(artifact.uri, "text").read_text()


def test_every_node_runs_in_order_and_is_told_before_and_after(tmp_path: Path) -> None:
    runs, heard = Place(tmp_path).run("one")
    assert heard == [
        ("Writer", "1 of 2"),
        ("Writer", "ran"),
        ("Copier", "2 of 2"),
        ("Copier", "ran"),
    ]
    assert list(runs) == ["Writer", "Copier"]
    assert written(runs["Copier"]) == "copied one"
    assert all(run.seconds > 0 for run in runs.values())


def test_what_has_not_changed_comes_from_the_cache_with_its_files(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    first, _ = place.run("one")
    again, _ = place.run("one")
    assert [run.cached for run in again.values()] == [True, True]
    assert written(again["Copier"]) == "copied one"
    for node_id, run in again.items():
        assert run.outputs["model"][0].uri == first[node_id].outputs["model"][0].uri


def test_a_changed_node_and_those_behind_it_run_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run("one")
    runs, _ = place.run("other")
    assert [run.cached for run in runs.values()] == [False, False]
    assert written(runs["Copier"]) == "copied other"


def test_a_node_that_fails_is_named_with_the_first_line_of_why(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"^Writer failed: fail now$") as caught:
        Place(tmp_path).run("fail now")
    assert caught.value.node_id == "Writer"
    assert isinstance(caught.value.__cause__, ValueError)


def test_nodes_behind_a_failed_one_do_not_run(tmp_path: Path) -> None:
    with pytest.raises(NodeError):
        Place(tmp_path).run("fail")
    assert not (tmp_path / "artifacts" / "Copier").exists()


def test_a_failed_node_is_not_cached(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for _ in range(2):
        with pytest.raises(NodeError, match="fail"):
            place.run("fail")


def test_what_a_killed_node_left_is_gone_after_the_next_run(tmp_path: Path) -> None:
    place = Place(tmp_path)
    kept, _ = place.run("one")
    with pytest.raises(KeyboardInterrupt):
        place.run("kill")
    models = tmp_path / "artifacts" / "Writer" / "model"
    assert len(list(models.iterdir())) == 2
    again, _ = place.run("one")
    assert [run.cached for run in again.values()] == [True, True]
    (left,) = models.iterdir()
    assert str(left) == kept["Writer"].outputs["model"][0].uri


def test_beam_arguments_name_what_workers_have_so_tfx_packs_nothing() -> None:
    arguments = list(IN_PROCESS)
    assert dependency_utils.make_beam_dependency_flags(arguments) == arguments


def test_a_long_reason_is_cut() -> None:
    assert len(str(NodeError("Trainer", ValueError("x" * 400_000)))) < 600


def test_a_resolver_without_a_find_is_no_failure(tmp_path: Path) -> None:
    runs, _ = Place(tmp_path).run("one", resolver=True)
    resolved = runs["BaselineResolver"]
    assert not resolved.outputs.get("model")
    assert not resolved.cached


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (ValueError("  first\nsecond"), "Trainer failed: first"),
        (ZeroDivisionError(), "Trainer failed: ZeroDivisionError"),
    ],
)
def test_the_reason_is_one_line(cause: Exception, told: str) -> None:
    assert str(NodeError("Trainer", cause)) == told
