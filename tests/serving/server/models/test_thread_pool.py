"""Background work in threads that come and go."""

import threading

import pytest

from serving.server.models.thread_pool import ThreadPool
from tests.support.patience import LONG_S


def test_a_pool_has_threads_only_while_there_is_work() -> None:
    done = threading.Semaphore(0)
    pool = ThreadPool("pool-under-test", 2)
    for _ in range(5):
        pool.submit(done.release)
    for _ in range(5):
        assert done.acquire(timeout=LONG_S)
    for thread in threading.enumerate():
        if thread.name == "pool-under-test":
            thread.join(LONG_S)
    assert "pool-under-test" not in {t.name for t in threading.enumerate()}


def test_a_pool_survives_a_job_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()
    pool = ThreadPool("pool", 1)
    pool.submit(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    pool.submit(done.set)
    assert done.wait(LONG_S)
    assert "pool: a job failed" in caplog.text


def test_a_pool_runs_no_more_jobs_at_once_than_it_has_threads() -> None:
    pool, release = ThreadPool("pool", 2), threading.Event()
    began, ended = threading.Semaphore(0), threading.Semaphore(0)

    def job() -> None:
        began.release()
        release.wait(LONG_S)
        ended.release()

    for _ in range(3):
        pool.submit(job)
    assert began.acquire(timeout=LONG_S)
    assert began.acquire(timeout=LONG_S)
    assert not began.acquire(timeout=0.05)
    release.set()
    for _ in range(3):
        assert ended.acquire(timeout=LONG_S)
