"""Cores are shared: connections, batches, operations."""

import pytest

from serving.server.batching import cores as cpu_share
from serving.server.batching.config import BatchingConfig
from serving.server.flags import ServerFlags
from serving.server.loading.session import session_config


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 64])
def test_batches_never_want_more_cores_than_there_are(
    cores: int,
) -> None:
    batches = cpu_share.batch_threads(cores)
    wanted = batches * cpu_share.threads_per_batch(cores, batches)
    assert 1 <= wanted <= cores


def test_batching_takes_its_share_where_the_file_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cpu_share, "available_cores", lambda: 8)
    assert BatchingConfig().threads == 2
    assert BatchingConfig(num_batch_threads=5).threads == 5


def test_a_session_shares_the_cores_only_when_there_are_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cpu_share, "available_cores", lambda: 8)
    flags = ServerFlags(model_base_path="/m")
    assert session_config(flags) == {}
    assert session_config(flags, batch_threads=2) == {
        "intra_op_parallelism_threads": 3,
        "inter_op_parallelism_threads": 2,
    }


def test_flags_win_over_the_share() -> None:
    flags = ServerFlags(model_base_path="/m", tensorflow_session_parallelism=5)
    assert session_config(flags, batch_threads=2) == {
        "intra_op_parallelism_threads": 5,
        "inter_op_parallelism_threads": 5,
    }
