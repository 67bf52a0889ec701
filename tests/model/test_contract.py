"""The names that cross a process, and the distributions that carry some of them."""

import subprocess
import sys
from types import ModuleType

import pytest

from model import contract
from serving.client import contract as client_contract
from serving.edge import contract as edge_contract


def names(module: ModuleType) -> dict[str, object]:
    """What a contract says itself: its upper-case names."""
    return {name: getattr(module, name) for name in vars(module) if name.isupper()}


def test_what_client_and_edge_both_need_has_one_value() -> None:
    client, edge = names(client_contract), names(edge_contract)
    shared = client.keys() & edge.keys()
    assert {"TEXT", "SCORES"} <= shared
    assert {n: client[n] for n in shared} == {n: edge[n] for n in shared}
    assert client_contract.Signature.TOKEN_IDS == edge_contract.TOKEN_IDS


@pytest.mark.parametrize("part", [client_contract, edge_contract])
def test_the_contract_gathers_every_name_of_its_parts(part: ModuleType) -> None:
    gathered = names(contract)
    ours = {n: v for n, v in names(part).items() if n != "KEYWORD_ONLY"}
    assert gathered.items() >= ours.items()


def test_the_contract_costs_no_import_of_numpy() -> None:
    probe = "import sys, model.contract; assert not {'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", probe], check=True)
