"""Signatures in a TFLite file's metadata, as signature_def_util writes them."""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.client.wire.tf_serving_names import PREDICT_METHOD
from serving.server.loading.tflite import TfliteServable
from serving.server.loading.tflite_signatures import fit_signature, read_signatures
from serving.server.status import Code, StatusError

pytestmark = pytest.mark.timeout(300)

INPUTS = {"a": np.ones((2, 3), np.float32), "b": np.int32([4, 5])}

Save = Callable[..., TfliteServable]


def signature(
    inputs: Mapping[str, str], outputs: Mapping[str, str], method: str = PREDICT_METHOD
) -> Any:
    """A SignatureDef of `{alias: tensor name}` that leaves types and shapes out."""
    message = protos.SignatureDef(method_name=method)
    for infos, names in ((message.inputs, inputs), (message.outputs, outputs)):
        for alias, name in names.items():
            infos[alias].name = name
    return message


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the converter calls the tensors: inputs a, b; outputs sum, double."""
    from tests.support.serving.tflite_models import metadata_tensors

    return metadata_tensors(tmp_path_factory.mktemp("names") / "model.tflite")


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    """Writes a model with such signatures, and loads it."""
    from tests.support.serving.tflite_models import save_tflite_with_metadata

    def load(signatures: Mapping[str, Any], **settings: Any) -> TfliteServable:
        path = tmp_path / "model.tflite"
        written = {name: each.SerializeToString() for name, each in signatures.items()}
        save_tflite_with_metadata(path, written, **settings)
        return TfliteServable(path)

    return load


def test_clients_use_the_aliases_of_every_signature(
    save: Save, names: dict[str, str]
) -> None:
    both = {"matrix": names["a"], "vector": names["b"]}
    served = save(
        {
            "serving_default": signature(both, {"total": names["sum"]}),
            "doubled": signature({"n": names["b"]}, {"twice": names["double"]}),
        }
    )
    assert sorted(served.signatures) == ["doubled", "serving_default"]
    values = {"matrix": INPUTS["a"], "vector": INPUTS["b"]}
    found = served.run("serving_default", values, ["total"], None)
    assert {alias: value.tolist() for alias, value in found.items()} == {
        "total": [3.0, 3.0]
    }
    doubled = served.run("doubled", {"n": np.int32([7])}, ["twice"], None)
    assert doubled["twice"].tolist() == [14]


def test_types_and_shapes_that_are_left_out_come_from_the_file(
    save: Save, names: dict[str, str]
) -> None:
    served = save({"s": signature({"m": names["a"]}, {"total": names["sum"]})})
    info = served.signatures["s"].inputs["m"]
    assert (info.name, info.dtype) == (names["a"], 1)
    assert [dim.size for dim in info.tensor_shape.dim] == [-1, 3]


def test_a_signature_comes_back_as_it_was_written(
    save: Save, names: dict[str, str]
) -> None:
    written = signature({"m": names["a"]}, {"total": names["sum"]}, "my/method")
    written.inputs["m"].dtype = 1
    written.inputs["m"].tensor_shape.unknown_rank = True
    written.outputs["total"].dtype = 1
    written.outputs["total"].tensor_shape.dim.add(size=-1)
    assert save({"s": written}).signatures["s"] == written


def test_the_metadata_comes_before_the_converter_s_own_signatures(
    save: Save, names: dict[str, str]
) -> None:
    mine = {"mine": signature({"m": names["a"]}, {"total": names["sum"]})}
    assert list(save(mine, keeps_own=True).signatures) == ["mine"]
    assert list(save({}, keeps_own=True).signatures) == ["two"]
    assert list(save({}).signatures) == ["serving_default"]


def test_what_one_signature_was_sent_reaches_no_other(
    save: Save, names: dict[str, str]
) -> None:
    served = save(
        {
            "all": signature({"a": names["a"], "b": names["b"]}, {"s": names["sum"]}),
            "part": signature({"a": names["a"]}, {"d": names["double"]}),
        }
    )
    secret = {"a": INPUTS["a"], "b": np.int32([41, 42])}
    served.run("all", secret, ["s"], None)
    found = served.run("part", {"a": INPUTS["a"]}, ["d"], None)
    assert not found["d"].any()


@pytest.mark.parametrize("side", ["input", "output"])
def test_an_unknown_tensor_fails_the_load_with_upstream_s_words(
    save: Save, names: dict[str, str], side: str
) -> None:
    sides = {"input": {"m": names["a"]}, "output": {"m": names["sum"]}}
    sides[side] = {"m": "nowhere:0"}
    with pytest.raises(StatusError) as caught:
        save({"s": signature(sides["input"], sides["output"])})
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message.startswith(
        f"Unknown tensor 'nowhere:0'.\n\tSignature {side} m references an unknown "
        "tensor; the file has "
    )


def test_old_files_whose_names_lack_the_suffix_fit() -> None:
    message = signature({"x": "first:0"}, {"y": "last:0"})
    fit_signature(message, ["first"], ["last:0"])
    assert message.inputs["x"].name == "first"
    assert message.outputs["y"].name == "last:0"


@pytest.mark.parametrize(
    "packed", [b"", b"\0", b"no flexbuffer at all", b"\x00\x24\x01"]
)
def test_metadata_that_makes_no_sense_fails_the_load(save: Save, packed: bytes) -> None:
    with pytest.raises(StatusError, match="Invalid SignatureDefs found in") as caught:
        save({}, packed=packed)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_every_cut_of_a_file_is_read_or_refused(
    save: Save, names: dict[str, str], tmp_path: pathlib.Path
) -> None:
    save({"s": signature({"m": names["a"]}, {"total": names["sum"]})})
    content = (tmp_path / "model.tflite").read_bytes()
    assert list(read_signatures(content)) == ["s"]
    refused = 0
    for end in range(len(content)):
        try:
            read_signatures(content[:end])
        except StatusError:
            refused += 1
    assert refused


def test_a_type_that_does_not_fit_is_told_as_for_any_other_model(
    save: Save, names: dict[str, str], tmp_path: pathlib.Path
) -> None:
    served = save({"s": signature({"n": names["b"]}, {"twice": names["double"]})})
    with pytest.raises(StatusError, match="to be int32 but float is provided"):
        served.run("s", {"n": np.float32([1])}, ["twice"], None)
