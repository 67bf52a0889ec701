"""Which file of a pretrained folder holds which tensor."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import safetensors

from model.pretrained.reading import PretrainedError, read_object
from model.settings import quoted

ONE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_OTHER_FORMATS = {
    "pytorch_model.bin": "PyTorch's pickle, which runs code when it is read",
    "pytorch_model.bin.index.json": "PyTorch's pickles, which run code when read",
    "tf_model.h5": "Keras 2's HDF5",
    "flax_model.msgpack": "Flax's msgpack",
    "model.onnx": "ONNX",
}
_CONVERT = (
    "Where transformers and PyTorch are installed: "
    'python -c "from transformers import AutoModel; '
    "AutoModel.from_pretrained({folder!r}).save_pretrained('converted')\", "
    "then copy vocab.txt and tokenizer_config.json beside it"
)


def tensor_files(folder: Path) -> dict[str, Path]:
    """Maps the name of every tensor to its safetensors file; reads headers only.

    Raises:
        PretrainedError: There is none, one is missing or damaged, or the index names
            a tensor that its file does not hold.
    """
    if (folder / ONE_FILE).exists():
        return dict.fromkeys(_names_in(folder / ONE_FILE), folder / ONE_FILE)
    if (folder / INDEX_FILE).exists():
        return _sharded(folder)
    raise PretrainedError(_no_weights(folder))


def _sharded(folder: Path) -> dict[str, Path]:
    index = folder / INDEX_FILE
    weight_map = read_object(index).get("weight_map")
    if not _is_weight_map(weight_map):
        raise PretrainedError(
            f"{index}: weight_map is {quoted(weight_map)}; it must name the file of "
            "each tensor, files of this folder. Copy or download it again."
        )
    held = {name: _names_in(folder / name) for name in sorted(set(weight_map.values()))}
    for tensor, name in weight_map.items():
        if tensor not in held[name]:
            raise PretrainedError(
                f"{index} says that {name} holds {quoted(tensor)}, which it does not. "
                "The two are of different models: copy the whole folder again."
            )
    return {tensor: folder / name for tensor, name in weight_map.items()}


def _is_weight_map(value: Any) -> TypeGuard[Mapping[str, str]]:
    """Checks the shape, and that no name leads out of the folder."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(n, str) and n and Path(n).name == n for n in value.values())
    )


def _names_in(path: Path) -> frozenset[str]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return frozenset(file.keys())
    except FileNotFoundError as error:
        raise PretrainedError(
            f"{path} is missing, and {INDEX_FILE} names it. Copy the whole folder."
        ) from error
    except (safetensors.SafetensorError, OSError, struct.error) as error:
        raise PretrainedError(
            f"{path} is no whole safetensors file ({error}). Copy or download it "
            "again; a text of some hundred bytes is Git LFS's pointer to the file."
        ) from error


def _no_weights(folder: Path) -> str:
    found = [name for name in _OTHER_FORMATS if (folder / name).exists()]
    if not found:
        return (
            f"{folder} has no weights: neither {ONE_FILE} nor {INDEX_FILE}. Copy the "
            "whole folder of the model."
        )
    return (
        f"{folder} has its weights in {found[0]} only ({_OTHER_FORMATS[found[0]]}); "
        f"taken are {ONE_FILE} and {INDEX_FILE}. "
        f"{_CONVERT.format(folder=str(folder))}."
    )
