"""Training on several hosts: equal to one, and back after a kill; on loopback."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("records")
    write_token_records(folder / "train.gz", keyword_rows(160))
    # No number of hosts divides them, and the last batches are part-filled.
    write_token_records(folder / "validation.gz", keyword_rows(37, seed=9))
    return folder


@contextlib.contextmanager
def started(
    folder: pathlib.Path, count: int, training: dict[str, Any]
) -> Iterator[list["subprocess.Popen[str]"]]:
    """That many hosts, each a process."""
    workers = [f"localhost:{free_port()}" for _ in range(count)]
    command = [sys.executable, "-m", "tests.support.replica_training", str(folder)]
    processes = []
    for index in range(count):
        processes.append(
            subprocess.Popen(
                [*command, f"{index}:{','.join(workers)}", json.dumps(training)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        yield processes
    finally:
        for process in processes:
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
    with started(folder, count, training) as processes:
        return outcomes(processes)


def alone(folder: pathlib.Path, **training: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.support.replica_training", str(folder)]
    ran = [*command, str(ONE_HOST), json.dumps(training)]
    done = subprocess.run(ran, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def assert_equal(
    found: dict[str, Any], expected: dict[str, Any], atol: float = 1e-5
) -> None:
    np.testing.assert_allclose(found["weights"], expected["weights"], atol=atol)
    assert len(found["history"]) == len(expected["history"])
    for row, other in zip(found["history"], expected["history"], strict=True):
        assert row.keys() == other.keys()
        for key in row:
            np.testing.assert_allclose(row[key], other[key], atol=atol, err_msg=key)


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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_hosts_that_are_started_again_go_on_where_one_was_killed(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    expected = alone(folder, **LONG, **RATE)
    training = {**LONG, **RATE, "checkpoint_dir": str(tmp_path)}
    with started(folder, 2, training) as processes:
        wait_for(tmp_path / "resume.npz")
        processes[1].send_signal(signal.SIGKILL)
        # The other cannot go on alone: it ends by itself, and says so by its status.
        assert processes[0].wait(timeout=400) != 0
    with np.load(tmp_path / "resume.npz") as kept:
        epochs_done = len(json.loads(kept["facts"].item())["rows"])
    assert 0 < epochs_done < LONG["max_epochs"]
    for each in trained(folder, 2, **training):
        # 800 steps, each rounded otherwise than on one host.
        assert_equal(each, expected, atol=1e-4)


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
