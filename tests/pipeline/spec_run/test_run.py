"""Tasks run in order, with what an orchestrator would give them."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import RunError
from pipeline.spec_run.backends import SubprocessBackend
from pipeline.spec_run.compiled import CompiledPipeline
from pipeline.spec_run.launcher import Mode
from pipeline.spec_run.run import SpecRun, TaskRun
from tests.support.pipeline.small_spec import Json, spec, task, write

Run = Callable[..., dict[str, TaskRun]]
COUNTS = "pathlib.Path({path!r}).open('a').write('x')\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(content: Json, **settings: object) -> dict[str, TaskRun]:
        compiled = CompiledPipeline.load(write(tmp_path / "p.yaml", content))
        given = settings.pop("parameters", {})
        plan = SpecRun(
            compiled=compiled,
            backend=SubprocessBackend(),
            root=tmp_path / "run",
            parameters=compiled.values(given),  # type: ignore[arg-type]
            **{"mode": Mode.KUBEFLOW, **settings},  # type: ignore[arg-type]
        )
        return plan.run(told=lambda _: None, started=lambda _: None)

    return run


def chain(first: str = "write('out', value('word'))\nend()") -> Json:
    parameters = {"word": {"componentInputParameter": "word"}}
    tasks = {
        "second": task(
            "write('out', text('x') + '!')\n"
            "end(artifacts={'out': {'artifacts': [{'metadata': {'n': 1}}]}})",
            inputs={"x": ("first", "out")},
        ),
        "first": task(first, parameters=parameters),
    }
    return spec(tasks, {"word": {"parameterType": "STRING", "defaultValue": "hello"}})


def made(runs: dict[str, TaskRun], root: Path, name: str = "second") -> str:
    uri = runs[name].made["artifacts"]["out"]["uri"]
    mirrored = str(root / "run" / "mirror" / "minio") + "/"
    return (Path(uri.replace("minio://", mirrored)) / "text").read_text()


@pytest.mark.parametrize("mode", list(Mode))
def test_what_one_task_makes_another_reads(
    run: Run, tmp_path: Path, mode: Mode
) -> None:
    runs = run(chain(), mode=mode, parameters={"word": "bye"})
    assert list(runs) == ["first", "second"]
    assert made(runs, tmp_path) == "bye!"
    artifact = runs["second"].made["artifacts"]["out"]
    assert artifact["metadata"]["n"] == 1
    assert artifact["uri"].startswith("minio://") is (mode is Mode.KUBEFLOW)


def seen_by_second(run: Run, mode: Mode) -> Json:
    content = chain()
    code = content["deploymentSpec"]["executors"]["second_executor"]["container"]
    code["command"][2] += "\nend(parameterValues={'seen': json.dumps(given)})"
    return json.loads(run(content, mode=mode)["second"].made["parameters"]["seen"])


def test_kubeflow_forgets_types_adds_an_output_and_its_store_s_properties(
    run: Run,
) -> None:
    seen = seen_by_second(run, Mode.KUBEFLOW)
    (given,) = seen["inputs"]["artifacts"]["x"]["artifacts"]
    assert given["type"] == {"instanceSchema": ""}
    assert {"display_name", "store_session_info"} <= given["metadata"].keys()
    assert seen["outputs"]["artifacts"].keys() == {"out", "executor-logs"}


def test_vertex_gives_typed_artifacts_at_plain_places(run: Run) -> None:
    seen = seen_by_second(run, Mode.VERTEX)
    (given,) = seen["inputs"]["artifacts"]["x"]["artifacts"]
    assert given["type"]["instanceSchema"].startswith("title: tfx.Model")
    assert Path(given["uri"]).is_dir()
    assert seen["outputs"]["artifacts"].keys() == {"out"}


def test_a_second_run_takes_from_the_cache_what_has_not_changed(
    run: Run, tmp_path: Path
) -> None:
    run(chain())
    again = run(chain())
    assert [each.is_cached for each in again.values()] == [True, True]
    assert made(again, tmp_path) == "hello!"
    other = run(chain(), parameters={"word": "other"})
    assert [each.is_cached for each in other.values()] == [False, False]
    assert not any(each.is_cached for each in run(chain(), uses_cache=False).values())


def test_a_cached_output_that_was_removed_is_made_again(
    run: Run, tmp_path: Path
) -> None:
    first = run(chain())
    uri = first["second"].made["artifacts"]["out"]["uri"]
    mirrored = str(tmp_path / "run" / "mirror" / "minio") + "/"
    place = Path(uri.replace("minio://", mirrored))
    (place / "text").unlink()
    place.rmdir()
    again = run(chain())
    assert [again[name].is_cached for name in ("first", "second")] == [True, False]


def test_what_follows_a_task_that_is_never_cached_depends_on_what_it_made(
    run: Run, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_text("one")
    content = chain(f"write('out', pathlib.Path({str(source)!r}).read_text())\nend()")
    del content["root"]["dag"]["tasks"]["first"]["cachingOptions"]
    run(content)
    assert run(content)["second"].is_cached
    source.write_text("two")
    again = run(content)
    assert not again["second"].is_cached
    assert made(again, tmp_path) == "two!"


def fails_until(path: Path, attempt: int) -> str:
    return (
        COUNTS.format(path=str(path))
        + f"if len(pathlib.Path({str(path)!r}).read_text()) < {attempt}:\n"
        "    print('no luck'); sys.exit(3)\n"
        "write('out', 'late')\nend()"
    )


@pytest.mark.parametrize("where", ["file", "option"])
def test_a_task_that_fails_is_tried_again(run: Run, tmp_path: Path, where: str) -> None:
    content = chain(fails_until(tmp_path / "tries", 3))
    if where == "file":
        first = content["root"]["dag"]["tasks"]["first"]
        first["retryPolicy"] = {"maxRetryCount": 2}
    runs = run(content, retries=2 if where == "option" else 0)
    assert runs["first"].attempts == 3
    assert made(runs, tmp_path) == "late!"


def test_a_failure_tells_status_attempts_and_the_end_of_the_log(
    run: Run, tmp_path: Path
) -> None:
    content = chain(fails_until(tmp_path / "tries", 9))
    with pytest.raises(RunError) as error:
        run(content, retries=1)
    told = str(error.value)
    assert told.startswith("first failed 2 times with exit status 3. The end of its")
    assert told.endswith("  no luck\n  no luck")


def test_a_task_that_says_nothing_has_failed(run: Run) -> None:
    with pytest.raises(RunError, match="first ended and wrote no output file"):
        run(chain("write('out', 'x')"))


def test_branches_run_at_the_same_time(run: Run, tmp_path: Path) -> None:
    meets = (
        "import time\n"
        "mine, other = [pathlib.Path(p) for p in {paths!r}]\n"
        "mine.touch()\n"
        "until = time.monotonic() + 60\n"
        "while not other.exists():\n"
        "    assert time.monotonic() < until\n"
        "    time.sleep(0.01)\n"
        "write('out', 'met')\nend()"
    )
    left, right = str(tmp_path / "left"), str(tmp_path / "right")
    tasks = {
        "left": task(meets.format(paths=[left, right])),
        "right": task(meets.format(paths=[right, left])),
    }
    assert len(run(spec(tasks), jobs=2)) == 2


def test_nothing_begins_after_a_failure(run: Run, tmp_path: Path) -> None:
    begun: list[str] = []
    lock = threading.Lock()
    content = chain("sys.exit(1)")
    compiled = CompiledPipeline.load(write(tmp_path / "q.yaml", content))

    def note(name: str) -> None:
        with lock:
            begun.append(name)

    plan = SpecRun(
        compiled=compiled,
        backend=SubprocessBackend(),
        root=tmp_path / "run",
        mode=Mode.VERTEX,
        parameters=compiled.values({}),
    )
    with pytest.raises(RunError):
        plan.run(told=lambda _: None, started=note)
    assert begun == ["first"]


def test_an_importer_names_what_is_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "text").write_text("given")
    content = chain()
    content["deploymentSpec"]["executors"]["first_executor"] = {
        "importer": {
            "artifactUri": {"runtimeParameter": "word"},
            "typeSchema": {"instanceSchema": "title: tfx.Model\n"},
        }
    }
    given = {"word": str(tmp_path / "given")}
    runs = run(content, mode=Mode.VERTEX, parameters=given)
    assert made(runs, tmp_path) == "given!"
