"""SignatureDef messages as plain values."""

from collections.abc import Mapping
from typing import Any

from serving.client.results import SignatureSpec, TensorSpec


def signature_specs(signature_defs: Mapping[str, Any]) -> dict[str, SignatureSpec]:
    """Plain values of SignatureDef messages, without the initialisation one."""
    return {
        name: SignatureSpec(_tensor_specs(one.inputs), _tensor_specs(one.outputs))
        for name, one in sorted(signature_defs.items())
        if not name.startswith("__saved_model_")
    }


def _tensor_specs(infos: Mapping[str, Any]) -> dict[str, TensorSpec]:
    from serving.formats import (
        dtypes,  # brings numpy, which asking with texts does not need
    )

    specs = {}
    for name, info in sorted(infos.items()):
        shape = None
        if not info.tensor_shape.unknown_rank:
            sizes = [dim.size for dim in info.tensor_shape.dim]
            shape = tuple(None if size < 0 else size for size in sizes)
        specs[name] = TensorSpec(dtypes.name_of(info.dtype), shape)
    return specs
