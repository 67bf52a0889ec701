"""The tensors of a pretrained folder under their layout's names, read one at a time."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import safetensors

from model.pretrained import layouts
from model.pretrained.folder import PretrainedFolder
from model.pretrained.reading import PretrainedError

Shape = tuple[int, ...]
_DTYPES = ("F32", "F16", "BF16", "F64")
_SHOWN = 6
_OLD_NAMES = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
}
"""As TensorFlow named them; checkpoints converted from it still do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where each tensor is.

    Attributes:
        folder: that of the model.
        stored: the name in its file of each tensor, by its name without prefix.
    """

    folder: Path
    stored: Mapping[str, str]
    files: Mapping[str, Path]

    @classmethod
    def of(cls, folder: PretrainedFolder) -> "Checkpoint":
        """Finds the prefix and takes it off.

        Raises:
            PretrainedError: there is no embedding of words, or there are several.
        """
        prefix = _prefix(folder)
        names = {_plain(name, prefix): name for name in folder.tensors}
        return cls(folder=folder.path, stored=names, files=folder.tensors)

    def check(self, shapes: Mapping[str, Shape]) -> None:
        """Compares names, shapes and types with those that are needed.

        Raises:
            PretrainedError: tensors are missing, unknown, or of another shape or type.
        """
        unknown = [
            stored
            for name, stored in self.stored.items()
            if name not in shapes and not layouts.is_ignored(name)
        ]
        problems = [
            _listed("missing", [name for name in shapes if name not in self.stored]),
            _listed("unknown", sorted(unknown)),
            *self._misfits(shapes),
        ]
        if any(problems):
            raise PretrainedError(
                f"The weights in {self.folder} are not those that its config.json "
                f"speaks of. {' '.join(filter(None, problems))} Copy or download the "
                "whole folder again, or save the model with save_pretrained."
            )

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor as float32.

        Raises:
            PretrainedError: it holds what is no number.
        """
        stored = self.stored[name]
        with safetensors.safe_open(self.files[stored], framework="numpy") as file:
            tensor = np.asarray(file.get_tensor(stored)).astype(np.float32, copy=False)
        if not np.isfinite(tensor).all():
            raise PretrainedError(
                f"{self.files[stored]}: {stored} holds NaN or infinity. Its training "
                "failed, or the file is damaged: copy or download it again."
            )
        return tensor

    def _misfits(self, shapes: Mapping[str, Shape]) -> list[str]:
        wrong_shapes, wrong_types = [], []
        for name, shape in shapes.items():
            if name not in self.stored:
                continue
            found, dtype = self._header(name)
            if found != shape:
                wrong_shapes.append(f"{name} {list(found)} instead of {list(shape)}")
            if dtype not in _DTYPES:
                wrong_types.append(f"{name} {dtype}")
        taken = f" (taken are {', '.join(_DTYPES)})"
        return [
            _listed("of another shape", wrong_shapes),
            _listed("of another type", wrong_types, taken),
        ]

    def _header(self, name: str) -> tuple[Shape, str]:
        stored = self.stored[name]
        with safetensors.safe_open(self.files[stored], framework="numpy") as file:
            part = file.get_slice(stored)
            return tuple(part.get_shape()), part.get_dtype()


def check_weights(folder: PretrainedFolder) -> None:
    """Compares the tensors' names, shapes and types with `config.json`; reads headers.

    Raises:
        PretrainedError: the encoder's tensors are not all there, or others are.
    """
    Checkpoint.of(folder).check(layouts.encoder_shapes(folder))


def _prefix(folder: PretrainedFolder) -> str:
    candidates = layouts.PREFIXES
    found = [each for each in candidates if each + layouts.WORDS in folder.tensors]
    if len(found) == 1:
        return found[0]
    problem = "has several encoders" if found else "lacks the embedding of words"
    raise PretrainedError(
        f"The checkpoint in {folder.path} {problem}: looked for was {layouts.WORDS}, "
        f"bare or after one of {', '.join(filter(None, candidates))}. It holds "
        f"{_some(sorted(folder.tensors))}. Save the model with save_pretrained."
    )


def _plain(name: str, prefix: str) -> str:
    """Takes the prefix off; heads stand beside the encoder, mostly without it."""
    for old, new in _OLD_NAMES.items():
        name = name.replace(old, new)
    return name.removeprefix(prefix)


def _listed(problem: str, names: Sequence[str], note: str = "") -> str:
    return f"{len(names)} {problem}: {_some(names)}{note}." if names else ""


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if names[_SHOWN:] else shown
