"""What is concluded from steps that were taken in turns."""

import dataclasses
import io
import json
import pathlib
import xml.etree.ElementTree as ET

import pytest

from benchmarks.training import __main__ as command
from benchmarks.training import report, rounds, worker, workers
from benchmarks.training.end_to_end import Trained
from benchmarks.training.rounds import Measured, SizeResult
from benchmarks.training.sizes import SIZES, Size
from benchmarks.training.workers import OURS, PYTORCH, Answer

SMALL = SIZES["small"]
TINY = Size(
    hidden_dim=16,
    num_layers=1,
    num_heads=2,
    intermediate_dim=32,
    vocabulary_size=50,
    rows=4,
    tokens=8,
    num_classes=3,
)


def answer(wall_s: float) -> Answer:
    return Answer(wall_s=wall_s, cpu_s=2 * wall_s, peak_bytes=10, returned=None)


def test_a_size_goes_to_another_process_whole() -> None:
    assert Size.from_json(SMALL.to_json()) == SMALL


def test_products_of_a_step_are_counted_as_by_hand() -> None:
    # Four projections, two of the feed-forward part, scores and context; thrice, for
    # the backward pass multiplies twice as much; two operations for each.
    per_token = 4 * 16 * 16 + 2 * 16 * 32 + 2 * 8 * 16
    head = 4 * 2 * 16 * 3
    assert TINY.product_flops == 3 * 2 * (4 * 8 * per_token + head)


def test_a_ratio_is_that_of_neighbours_in_time() -> None:
    answers = {OURS: [answer(s) for s in (1, 9, 2)]}
    answers[PYTORCH] = [answer(s) for s in (2, 18, 5)]
    measured = rounds._summed_up(PYTORCH, answers, 10)
    assert measured.ratio == 2
    assert measured.step_ms == 500
    assert measured.cpu_ms == 1000


def test_a_worker_answers_every_order_with_what_its_task_returned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = [{"task": "add", "argument": n} for n in (1, 2)]
    text = "".join(json.dumps(order) + "\n" for order in orders)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    worker.obey({"add": lambda argument: argument + 40})
    lines = capsys.readouterr().out.splitlines()
    answers = [Answer(**json.loads(line)) for line in lines]
    assert [one.returned for one in answers] == [41, 42]
    assert min(one.wall_s for one in answers) > 0


def test_an_unknown_size_is_named_with_those_that_are_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--sizes", "huge"])
    assert "no size 'huge'; there are small, 4x256" in capsys.readouterr().err


@pytest.fixture
def measured() -> report.Report:
    def one(framework: str, ratio: float) -> Measured:
        return Measured(
            framework=framework,
            step_ms=10 * ratio,
            cpu_ms=18.0,
            ratio=ratio,
            peak_bytes=2**29,
        )

    results = [
        SizeResult(
            name=name,
            size=size,
            product_gflops=400.0,
            measured=[one(OURS, 1.0), one(PYTORCH, 1.5)],
        )
        for name, size in SIZES.items()
    ]
    return report.Report(
        machine={"processor": "Some CPU", "cores": 2},
        others_cores=0.01,
        sizes=results,
        trained=[
            Trained(way=OURS, seconds=30.0, ratio=1.0, accuracy=0.9, peak_bytes=2**29)
        ],
    )


def test_the_table_says_how_fast_and_how_close_to_the_machine(
    measured: report.Report,
) -> None:
    lines = report.table(measured).splitlines()
    ours, pytorch = (next(x for x in lines if x.startswith(f)) for f in (OURS, PYTORCH))
    share = SMALL.product_flops / 400e9 / 0.010
    assert "102,400" in ours
    assert f"{share:.0%}" in ours
    assert "1.50" in pytorch
    assert "0.900" in lines[-1]


def test_the_files_are_a_drawing_and_what_was_measured(
    measured: report.Report, tmp_path: pathlib.Path
) -> None:
    report.write(measured, tmp_path)
    root = ET.parse(tmp_path / "training.svg").getroot()
    names = " ".join(text for text in root.itertext())
    assert "PyTorch" in names
    assert "minilm" in names
    written = json.loads((tmp_path / "training.json").read_text())
    assert written == json.loads(json.dumps(dataclasses.asdict(measured)))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("framework", [OURS, PYTORCH, workers.JAX])
def test_a_framework_takes_the_steps_that_are_ordered(framework: str) -> None:
    if framework not in workers.available():
        pytest.skip("`make reference` sets up .venv-reference")
    with workers.Worker(framework, TINY) as one:
        first, second = (one.ask(worker.STEPS, 3) for _ in range(2))
    assert first.wall_s > 0
    assert second.peak_bytes > 2**26
