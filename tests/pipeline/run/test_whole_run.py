"""The whole job, as a person runs it: interrupted, run again, refused, left unchanged.

One training serves all tests here; each `ktp run` is a process of its own.
"""

import csv
import dataclasses
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model import contract
from pipeline.report.results import RunResults
from serving.client import Client
from serving.edge import EdgeClassifier
from serving.launch import RunningServer, start_server

pytestmark = pytest.mark.timeout(900)

_TOPICS = {
    "weather": "rain sun wind cloud storm snow sky cold warm forecast",
    "food": "bread soup cheese pepper oven taste salt apple kitchen dinner",
    "travel": "train ticket hotel airport luggage map border ferry station visa",
}
_FILLERS = "today the a very please tomorrow my is with and where not".split()
SENTENCES = [
    "rain and snow tomorrow",
    "WHERE is my train ticket?",
    "soup with bread",
    "a very cold storm 🌨",
    "hotel, airport, luggage",
    "naïve café cheese",
    "the",
    "",
    "x" * 300,
    "日本語 and bread",
    *[
        f"{word} please"
        for word in "sun wind oven salt apple map ferry visa sky".split()
    ],
    "  spaces   between \t words\nand lines ",
]
SCORE_TOLERANCE = 1e-4
INT8_SCORE_TOLERANCE = 0.05


@dataclasses.dataclass(frozen=True)
class Finished:
    """A `ktp run` that has ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def summary(self) -> dict[str, object]:
        return json.loads(self.stdout.splitlines()[-1])


@dataclasses.dataclass(frozen=True)
class Workplace:
    data: Path
    output: Path
    interrupted: Finished
    completed: Finished

    def command(self, *options: str) -> list[str]:
        return _command(self.data, self.output, *options)


def _command(data: Path, output: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pipeline", "run"),
        *("--data", str(data), "--output", str(output), "--preset", "tiny", "--json"),
        *("--set", "training.global_batch_size=16"),
        *("--set", "evaluation.reject=0.05", *options),
    ]


def _write_data(path: Path) -> None:
    chance = random.Random(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(600):
            topic = chance.choice(list(_TOPICS))
            words = chance.sample(_TOPICS[topic].split(), 2)
            words += chance.sample(_FILLERS, chance.randint(1, 6))
            chance.shuffle(words)
            writer.writerow([f"{' '.join(words)} {number}", topic])
        for number in range(40):  # Nobody can know these.
            filler = " ".join(chance.sample(_FILLERS, 4))
            writer.writerow([f"{filler} {number}", chance.choice(list(_TOPICS))])
        writer.writerow(["", "food"])


def _finish(process: subprocess.Popen[str]) -> Finished:
    stdout, stderr = process.communicate()
    return Finished(process.returncode, stdout, stderr)


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _interrupt_before(node: str, process: subprocess.Popen[str]) -> Finished:
    """Presses Ctrl-C when the node before `node` has been told as done."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if node in line:
            process.send_signal(signal.SIGINT)
            break
    rest = _finish(process)
    return dataclasses.replace(rest, stderr="".join(seen) + rest.stderr)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    folder = tmp_path_factory.mktemp("run")
    # To TensorFlow and Beam, brackets are a pattern of names.
    data, output = folder / "topics [1].csv", folder / "out [1] é"
    _write_data(data)
    command = _command(data, output)
    interrupted = _interrupt_before("VocabularyGen", _start(command))
    completed = _finish(_start(command))
    return Workplace(data, output, interrupted, completed)


def test_ctrl_c_ends_with_one_message_and_pushes_nothing(workplace: Workplace) -> None:
    run = workplace.interrupted
    assert run.status == 130
    assert "Interrupted. Nothing was pushed" in run.stderr
    assert "Traceback" not in run.stderr
    assert not run.stdout


def test_the_run_after_ctrl_c_takes_finished_nodes_from_the_cache(
    workplace: Workplace,
) -> None:
    assert workplace.completed.status == 0, workplace.completed.stderr
    lines = workplace.completed.stderr.splitlines()
    cached = {line.split()[1] for line in lines if "from the cache" in line}
    assert {"ImportExampleGen", "StatisticsGen"} <= cached
    assert "Trainer" not in cached


def test_the_summary_has_the_contract_fields_and_a_model_that_learnt(
    workplace: Workplace,
) -> None:
    summary = workplace.completed.summary
    expected = (
        "accuracy test_accuracy macro_f1 wall_s train_s saved_model tflite report"
    )
    assert summary.keys() >= set(expected.split())
    assert summary["test_accuracy"] > 0.9  # Words name the topic: it is that easy.
    assert summary["linear_accuracy"] > 0.9
    assert summary["linear_s"] > 0
    assert summary["wall_s"] > summary["train_s"] > 0


def test_dropped_rows_are_shown(workplace: Workplace) -> None:
    assert "dropped 1 × empty text" in workplace.completed.stderr


def test_both_models_are_pushed_whole_under_one_version(workplace: Workplace) -> None:
    serving = list((workplace.output / contract.SERVING_DIR).iterdir())
    edge = list((workplace.output / contract.EDGE_DIR).iterdir())
    assert [path.name for path in serving] == [path.name for path in edge]
    assert (serving[0] / "assets.extra" / "tf_serving_warmup_requests").stat().st_size
    assert {path.name for path in edge[0].iterdir()} == {
        contract.FLOAT32_TFLITE,
        contract.INT8_TFLITE,
    }


def test_report_and_results_tell_the_same_run(workplace: Workplace) -> None:
    results = RunResults.from_json((workplace.output / "results.json").read_text())
    assert results.run.blessed
    assert all(check.passed for check in results.run.checks)
    assert len(results.run.checks) == 5  # Accuracy, answers, server, two device files.
    trainer = next(n for n in results.lineage.nodes if n.name == "Trainer")
    assert trainer.seconds >= results.run.train_s
    page = (workplace.output / "report.html").read_text()
    assert results.lineage.data_sha256[:12] in page


def test_the_temperature_and_the_threshold_are_told_with_what_they_do(
    workplace: Workplace,
) -> None:
    results = RunResults.from_json((workplace.output / "results.json").read_text())
    summary = workplace.completed.summary
    assert results.evaluation.calibration is not None
    assert summary["temperature"] == results.evaluation.calibration.temperature
    rejecting = summary["rejection"]
    assert 0 < rejecting["threshold"] < 1
    assert 0.8 < rejecting["coverage"] < 1
    assert rejecting["answered_accuracy"] >= summary["test_accuracy"]
    page = (workplace.output / "report.html").read_text()
    assert 'id="rejection"' in page


def test_beam_never_asks_for_prism(workplace: Workplace) -> None:
    logs = "".join(p.read_text() for p in (workplace.output / "logs").iterdir())
    assert "prism" not in logs.lower()


def test_nothing_but_what_it_tells_of_is_left_in_the_output_folder(
    workplace: Workplace,
) -> None:
    assert {path.name for path in workplace.output.iterdir()} == {
        *(".lock", "data", "edge", "last_run.json", "logs", "pipeline"),
        *("report.html", "results.json", "serving_model"),
    }


def test_tfx_is_packed_for_no_node(workplace: Workplace) -> None:
    logs = "".join(p.read_text() for p in (workplace.output / "logs").iterdir())
    assert "Creating temporary sdist package" not in logs


def test_nothing_changed_takes_seconds_and_says_so(workplace: Workplace) -> None:
    again = _finish(_start(workplace.command()))
    assert again.status == 0
    assert "Nothing changed since this was last run" in again.stderr
    assert again.summary["unchanged"] is True
    assert again.summary["saved_model"] == workplace.completed.summary["saved_model"]
    assert "Trainer" not in again.stderr


@pytest.fixture(scope="module")
def server(workplace: Workplace) -> Iterator[RunningServer]:
    with start_server(workplace.output / contract.SERVING_DIR) as running:
        yield running.wait_until_ready()


def _scores_by_label(predictions: list) -> list[dict[str, float]]:
    return [dict(zip(p.labels, p.scores, strict=True)) for p in predictions]


def _worst(one: list[dict[str, float]], other: list[dict[str, float]]) -> float:
    return max(
        abs(a[label] - b[label]) for a, b in zip(one, other, strict=True) for label in a
    )


def test_server_and_device_give_the_same_answers(
    workplace: Workplace, server: RunningServer
) -> None:
    with Client(server.grpc_endpoint) as client:
        by_grpc = client.classify(SENTENCES)
    with Client(server.rest_endpoint, transport="rest") as client:
        by_rest = client.classify(SENTENCES)
    edge_dir = Path(str(workplace.completed.summary["tflite"])).parent
    by_device = EdgeClassifier(edge_dir / contract.FLOAT32_TFLITE).classify(SENTENCES)
    by_int8 = EdgeClassifier(edge_dir / contract.INT8_TFLITE).classify(SENTENCES)
    grpc_scores = _scores_by_label(by_grpc)
    for predictions, tolerance in (
        (by_rest, 1e-6),
        (by_device, SCORE_TOLERANCE),
        (by_int8, INT8_SCORE_TOLERANCE),
    ):
        # What is rejected is nearly a tie, and there int8 may fall to the other side.
        for one, other in zip(predictions, by_grpc, strict=True):
            assert one.label == other.label or other.is_rejected
        assert _worst(_scores_by_label(predictions), grpc_scores) <= tolerance
    marks = [[p.is_rejected for p in each] for each in (by_grpc, by_rest, by_device)]
    assert marks[0] == marks[1] == marks[2]
    assert {*marks[0]} == {True, False}


def test_every_answer_is_a_distribution_best_first(server: RunningServer) -> None:
    with Client(server.grpc_endpoint) as client:
        for prediction in client.classify(SENTENCES):
            assert sorted(prediction.scores, reverse=True) == list(prediction.scores)
            np.testing.assert_allclose(sum(prediction.scores), 1.0, atol=1e-5)


def test_a_model_below_the_bound_is_refused_and_the_live_one_stays(
    workplace: Workplace,
) -> None:
    folders = [workplace.output / n for n in (contract.SERVING_DIR, contract.EDGE_DIR)]
    before = [sorted(folder.iterdir()) for folder in folders]
    refused = _finish(_start(workplace.command("--set", "evaluation.min_accuracy=1")))
    assert refused.status == 1
    assert "wanted at least 1.0000 (evaluation.min_accuracy)" in refused.stderr
    assert [sorted(folder.iterdir()) for folder in folders] == before
    trainer = next(x for x in refused.stderr.splitlines() if "Trainer" in x)
    assert "from the cache" in trainer
