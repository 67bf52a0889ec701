"""Training on several hosts: equal to one, and back after a kill; on loopback."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.training.hardware import hosts
from tests.support.serving.fakes import free_port
from tests.support.token_records import keyword_rows, write_token_records

ONE_HOST = 1
# Adam makes a step of this length of a gradient that is nothing but rounding.
RATE = {"learning_rate": 1e-3}
LONG = {"max_epochs": 40, "patience": 40}
RETRIES = 6  # k8s/training/job: backoffLimitPerIndex


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("records")
    write_token_records(folder / "train.gz", keyword_rows(160))
    # No number of hosts divides them, and the last batches are part-filled.
    write_token_records(folder / "validation.gz", keyword_rows(37, seed=9))
    return folder


class Hosts:
    """That many hosts, each a process that can be started any number of times."""

    def __init__(self, folder: pathlib.Path, count: int, training: Any) -> None:
        workers = ",".join(f"localhost:{free_port()}" for _ in range(count))
        module = [sys.executable, "-m", "tests.support.replica_training", str(folder)]
        self._commands = [
            [*module, f"{index}:{workers}", json.dumps(training)]
            for index in range(count)
        ]
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, index: int) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            self._commands[index],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process


@contextlib.contextmanager
def hosts_of(
    folder: pathlib.Path, count: int, training: dict[str, Any]
) -> Iterator[Hosts]:
    made = Hosts(folder, count, training)
    try:
        yield made
    finally:
        for process in made.processes:
            process.kill()
            process.communicate()


def outcomes(processes: list["subprocess.Popen[str]"]) -> list[dict[str, Any]]:
    found = []
    for process in processes:
        told, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
        found.append(json.loads(told.splitlines()[-1]))
    return found


def trained(folder: pathlib.Path, count: int, **training: Any) -> list[dict[str, Any]]:
    with hosts_of(folder, count, training) as made:
        return outcomes([made.start(index) for index in range(count)])


def alone(folder: pathlib.Path, **training: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.support.replica_training", str(folder)]
    ran = [*command, str(ONE_HOST), json.dumps(training)]
    done = subprocess.run(ran, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    np.testing.assert_allclose(found["weights"], expected["weights"], atol=1e-5)
    assert len(found["history"]) == len(expected["history"])
    for row, other in zip(found["history"], expected["history"], strict=True):
        assert row.keys() == other.keys()
        for key in row:
            np.testing.assert_allclose(row[key], other[key], atol=1e-5, err_msg=key)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("count", "size"), [(2, 8), (3, 12)])
def test_several_hosts_make_the_model_of_one(
    folder: pathlib.Path, count: int, size: int
) -> None:
    expected = alone(folder, global_batch_size=size, **RATE)
    found = trained(folder, count, global_batch_size=size, **RATE)
    assert [each["is_chief"] for each in found] == [True] + [False] * (count - 1)
    for each in found:
        assert_equal(each, expected)


@pytest.fixture(scope="module")
def undisturbed(folder: pathlib.Path) -> dict[str, Any]:
    return trained(folder, 2, **LONG, **RATE)[0]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_host_costs_nothing_when_each_is_started_again(
    folder: pathlib.Path,
    tmp_path: pathlib.Path,
    undisturbed: dict[str, Any],
    killed: int,
) -> None:
    training = {**LONG, **RATE, "checkpoint_dir": str(tmp_path)}
    with hosts_of(folder, 2, training) as made, ThreadPoolExecutor(2) as pool:
        first = [made.start(index) for index in range(2)]
        kept_up = [pool.submit(started_until_done, made, i, first[i]) for i in range(2)]
        wait_for(tmp_path / "resume.npz")
        first[killed].send_signal(signal.SIGKILL)
        found = [each.result() for each in kept_up]
        # The other cannot go on alone: it ends by itself, and says so by its status.
        assert all(process.returncode != 0 for process in first)
    for each in found:
        assert_equal(each, undisturbed)


def started_until_done(
    made: Hosts, index: int, process: "subprocess.Popen[str]"
) -> dict[str, Any]:
    """Starts a host again when it fails, as a Job does with each pod by itself."""
    for _ in range(RETRIES):
        told, errors = process.communicate(timeout=400)
        if process.returncode == 0:
            return json.loads(told.splitlines()[-1])
        time.sleep(1)
        process = made.start(index)
    raise AssertionError(errors[-3000:])


def wait_for(path: pathlib.Path, limit_s: float = 180) -> None:
    deadline = time.monotonic() + limit_s
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_host_is_its_own_chief_and_keras_stays_as_it_is() -> None:
    strategy = tf.distribute.get_strategy()
    assert hosts.is_chief(strategy)
    assert not hosts.are_several(strategy)
    (trainer, module) = hosts.keras_trainer()
    before = trainer._maybe_symbolic_build, module.reduce_per_replica
    with hosts.mended(strategy):
        assert (trainer._maybe_symbolic_build, module.reduce_per_replica) == before


def test_another_keras_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras, "__version__", "3.99.0")
    with pytest.raises(RuntimeError, match=r"Keras 3\.99\.0 is installed"):
        hosts.join(["a:1", "b:1"], 0)


def test_the_keras_that_is_mended_is_the_one_that_is_pinned() -> None:
    assert keras.__version__.startswith(f"{hosts.MENDED_KERAS}.")
