"""The compiled file runs to its end, and its model is that of a local run.

Fourteen processes for each orchestrator, each importing TFX: minutes, so it is slow.
"""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.predictions import ScoredRows
from model import contract
from serving.client import Client
from serving.launch import start_server
from tests.support.serving.fakes import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

TOPICS = {
    "weather": "rain sun wind cloud storm snow sky cold warm forecast",
    "food": "bread soup cheese pepper oven taste salt apple kitchen dinner",
    "travel": "train ticket hotel airport luggage map border ferry station visa",
}
EPOCHS = 4
SETTINGS = ("--preset", "tiny", "--set", "training.global_batch_size=16")


def ktp(*arguments: str) -> str:
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, and what a local run makes of them."""
    folder = tmp_path_factory.mktemp("place")
    chance = random.Random(7)
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(600):
            topic = chance.choice(list(TOPICS))
            words = chance.sample(TOPICS[topic].split(), 3)
            writer.writerow([f"{' '.join(words)} {number}", topic])
    data, output = str(folder / "rows.csv"), str(folder / "local")
    epochs = ("--set", f"training.max_epochs={EPOCHS}")
    ktp("run", "--data", data, "--output", output, "--json", *SETTINGS, *epochs)
    return folder


def compiled(place: Path, name: str) -> Path:
    """Compiles for one of the two targets; Vertex AI's places are replaced later."""
    path = place / name
    where = ("--data", str(place / "rows.csv"), "--push-root", str(place / "push"))
    where += ("--volume", f"claim:{place}")
    if path.suffix == ".json":
        where = ("--data", "gs://b/rows.csv", "--push-root", "gs://b/push")
        where += ("--pipeline-root", "gs://b/root")
    image = ("--image", "image:1")
    ktp("compile", "--output", str(path), *where, *image, *SETTINGS)
    return path


def predictions(root: Path) -> ScoredRows:
    (path,) = root.rglob("predictions.npz")
    return ScoredRows.load(str(path.parent))


@pytest.mark.parametrize("name", ["p.yaml", "p.json"])
def test_a_compiled_file_gives_the_model_of_a_local_run(
    place: Path, tmp_path: Path, name: str
) -> None:
    push = tmp_path / "push"
    parameters = {
        "data": str(place / "rows.csv"),
        "serving_dir": str(push / contract.SERVING_DIR),
        "edge_dir": str(push / contract.EDGE_DIR),
        "checkpoint_root": str(push / "checkpoints"),
        "max_epochs": str(EPOCHS),
    }
    given = [f"--parameter={key}={value}" for key, value in parameters.items()]
    root, path = tmp_path / "run", compiled(place, name)
    run = ("run-spec", str(path), "--output", str(root), "--jobs", "2", *given)
    told = ktp(*run)
    assert "pushed_model → " in told
    ours, local = predictions(root), predictions(place / "local" / "pipeline")
    assert (ours.texts, ours.labels) == (local.texts, local.labels)
    np.testing.assert_allclose(ours.scores, local.scores, atol=1e-4)
    (version,) = json_lines(ktp("models", "list", str(push), "--json"))
    assert (version["state"], version["has_device_files"]) == ("live", True)
    assert answer(push / contract.SERVING_DIR, tmp_path) == "food"
    if path.suffix == ".json":  # Minutes more, for what is the same.
        return
    # Nothing has changed but what is live: the cache answers for the rest, and files
    # that are served keep their number.
    again = ktp(*run)
    assert again.count("from the cache") == 10
    assert len(json_lines(ktp("models", "list", str(push), "--json"))) == 1


def test_two_hosts_train_the_model_that_one_trains(place: Path, tmp_path: Path) -> None:
    """`ktp train`, as in two pods of a Job, on what a local run transformed."""
    made = place / "local" / "pipeline" / "TextTransform"
    (examples,) = (made / "transformed_examples").iterdir()
    (graph,) = (made / "transform_graph").iterdir()
    settings = (*SETTINGS, "--set", f"training.max_epochs={EPOCHS}")
    shared = ("--examples", str(examples), "--transform-graph", str(graph), *settings)
    workers = [f"localhost:{free_port()}" for _ in range(2)]
    output = tmp_path / "trained"
    command = [sys.executable, "-m", "pipeline", "train", "--output", str(output)]
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": workers}, "task": task})
        environ = {**os.environ, "TF_CONFIG": config}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        processes.append(subprocess.Popen([*command, *shared], env=environ, **pipes))
    told = [process.communicate(timeout=1200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told[0][-3000:]
    assert told[0].endswith(f"The model is in {output}/model/Format-Serving.\n")
    assert told[1].endswith("The chief has it.\n")
    assert sorted(path.name for path in output.iterdir()) == [
        *("checkpoints", "model", "model_run")
    ]
    pushed = tmp_path / "pushed"
    shutil.copytree(output / "model" / "Format-Serving", pushed / "1")
    assert answer(pushed, tmp_path) == "food"


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def answer(serving_dir: Path, folder: Path) -> str:
    with start_server(serving_dir, model_name="default", log_dir=folder) as server:
        server.wait_until_ready(180)
        with Client(server.grpc_endpoint, model_name="default") as client:
            return client.classify(["soup with bread and cheese"])[0].label
