"""Who trains along: read from what Kubernetes or an operator sets."""

import json
from typing import Any

import pytest

from pipeline.cluster import Cluster
from pipeline.config import Environment
from pipeline.errors import SettingError

POD = {
    "NUM_WORKERS": "3",
    "JOB_COMPLETION_INDEX": "1",
    "JOB_NAME": "training",
    "WORKER_SERVICE": "training",
}


def tf_config(role: str = "worker", index: int = 0, **hosts: Any) -> dict[str, str]:
    config = {"cluster": hosts, "task": {"type": role, "index": index}}
    return {"TF_CONFIG": json.dumps(config)}


def test_pods_of_an_indexed_job_find_each_other_by_their_service() -> None:
    assert Cluster.of(POD) == Cluster(
        workers=tuple(f"training-{n}.training:2222" for n in range(3)), index=1
    )
    assert Cluster.of({**POD, "WORKER_PORT": "9"}).workers[2] == "training-2.training:9"


def test_a_given_tf_config_goes_before_and_its_chief_comes_first() -> None:
    hosts = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    found = Cluster.of({**POD, **tf_config(index=1, **hosts)})
    assert found == Cluster(workers=("a:1", "b:1", "c:1"), index=2)
    assert Cluster.of(tf_config("chief", **hosts)).index == 0


@pytest.mark.parametrize(
    "variables",
    [{}, {"TF_CONFIG": ""}, {"NUM_WORKERS": "1"}, tf_config(worker=["a:1"])],
)
def test_who_is_alone_joins_nobody(variables: dict[str, str]) -> None:
    assert Cluster.of(variables) is None


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TF_CONFIG": "worker 0"}, r"TF_CONFIG is 'worker 0', which names no cluster"),
        (tf_config(index=5, worker=["a:1", "b:1"]), r"with this host in it"),
        (tf_config(worker=["a:1"], ps=["p:1"]), r"has the role 'ps'"),
        ({"NUM_WORKERS": "many"}, r"NUM_WORKERS is 'many'; allowed: .* 1 to 1024"),
        ({"NUM_WORKERS": "2"}, r"JOB_COMPLETION_INDEX is not set.*an Indexed Job\?"),
        ({**POD, "JOB_COMPLETION_INDEX": "3"}, r"is '3'; allowed: .* 0 to 2"),
        ({**POD, "WORKER_PORT": "0"}, r"WORKER_PORT is '0'; allowed"),
        ({**POD, "JOB_NAME": "A b"}, r"JOB_NAME is 'A b'; it names the Indexed Job"),
        ({k: POD[k] for k in list(POD)[:3]}, r"WORKER_SERVICE is not set"),
    ],
)
def test_what_contradicts_itself_is_refused(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Cluster.of(variables)


def test_the_environment_is_read_in_one_place() -> None:
    found = Environment.from_env({**POD, "HOME": "/h"})
    assert found.cluster_variables == POD
