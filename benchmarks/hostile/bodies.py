"""REST bodies: valid ones for any signature, and many ways to spoil them."""

import base64
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from serving.client import protos

# A model's signatures: `{name: SignatureDef}`.
Signatures = Mapping[str, Any]

ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1.0, 1e308, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400,
    float("nan"), float("inf"), "", "x", "\u0000", "\ud800", "ÿ" * 50, [], {}, [[]],
    [[[[]]]], {"b64": ""}, {"b64": "!"}, {"b64": 5}, {"b64": "AA", "x": 1},
    {"b64": None}, {"": ""}, [1, "a", None], {"b64": "_-8="}, "9" * 3000,
]  # fmt: skip

ODD_TEXTS: list[bytes] = [
    b"", b" ", b"\n" * 1000, b"\xef\xbb\xbf{}", b"null", b"[]", b"{}", b'"', b"{", b"[",
    b"NaN", b"-", b"1e", b"0x10", b"{'a': 1}", b"{/**/}", b'{"instances": [1,]}',
    b'{"instances": [1] "inputs": 2}', b'{"instances": [1]} trailing', b"\x00",
    b'{"instances": "\\ud800"}', b'{"instances": ["\\uDC00\\uD800"]}',
    b"\xff\xfe{\x00}", b'{"instances": [01]}', b'{"instances": [.5]}',
    b'{"instances": ["\\x"]}',
    b'{"instances": ["\x01"]}', b'{"instances": ["\xc3\x28"]}', b'{"\xff": 1}',
    b'{"instances": [1], "instances": 2}',
    b'{"signature_name": "a", "signature_name": 1}',
    b'{"instances": [1e999999999999]}', b'{"instances": [-0.0e-999]}',
    b'{"instances": [' + b"9" * 5000 + b"]}",
    b'{"instances": [0.' + b"1" * 5000 + b"]}",
    b'{"inputs": {"x": {"b64": "' + b"A" * 5001 + b'"}}}',
]  # fmt: skip


def valid_body(rng: random.Random, signatures: Signatures) -> dict[str, Any]:
    """A request that the model can answer, in one of the three layouts."""
    name = rng.choice(sorted(signatures))
    inputs = signatures[name].inputs
    rows = rng.choice([1, 1, 2, 3])
    columns = {alias: _column(rng, info, rows) for alias, info in inputs.items()}
    layout = rng.choice(["rows", "rows", "columns", "examples"])
    if layout == "examples":
        rest: dict[str, Any] = {"examples": _examples(columns, rows)}
    elif layout == "columns":
        rest = {"inputs": columns}
    else:
        rest = {"instances": _rows(columns, rows)}
    return {"signature_name": name, **rest}


def spoiled_body(rng: random.Random, signatures: Signatures) -> bytes:
    """A body with something wrong in it, nearly always."""
    if rng.random() < 0.1:
        return rng.choice(ODD_TEXTS)
    if rng.random() < 0.05:
        return _nested(rng)
    body: Any = valid_body(rng, signatures)
    if rng.random() < 0.7:
        for _ in range(rng.choice([1, 1, 2, 5])):
            body = _replaced(rng, body)
    text = json.dumps(body, ensure_ascii=rng.random() < 0.5)
    content = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.5:
        content = spoiled_bytes(rng, content)
    return content


def spoiled_bytes(rng: random.Random, content: bytes) -> bytes:
    """The same, with a few bytes flipped, lost, doubled or put in."""
    for _ in range(rng.choice([1, 1, 2, 8])):
        content = rng.choice(_BYTE_MUTATIONS)(rng, content)
    return content


def _column(rng: random.Random, info: Any, rows: int) -> list[Any]:
    sizes = [dim.size for dim in info.tensor_shape.dim][1:]
    value: Any = _value(rng, protos.enum(protos.DATA_TYPE).Name(info.dtype))
    for size in reversed(sizes):
        value = [value] * max(size, 1)
    return [value] * rows


def _value(rng: random.Random, dtype: str) -> Any:
    if dtype == "DT_STRING":
        raw = rng.randbytes(rng.randrange(9))
        encoded = {"b64": base64.b64encode(raw).decode()}
        return rng.choice(["a text", "", encoded])
    return 3 if "INT" in dtype else rng.choice([0.5, 1, -2.25, 1e6])


def _rows(columns: Mapping[str, list[Any]], rows: int) -> list[Any]:
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [{name: column[i] for name, column in columns.items()} for i in range(rows)]


def _examples(columns: Mapping[str, list[Any]], rows: int) -> list[Any]:
    return [{name: column[i] for name, column in columns.items()} for i in range(rows)]


def _replaced(rng: random.Random, value: Any) -> Any:
    """A copy with one node changed, somewhere."""
    if rng.random() < 0.2 or not isinstance(value, list | dict) or not value:
        return rng.choice(ODD_VALUES)
    if isinstance(value, list):
        copy: Any = list(value)
        where = rng.randrange(len(copy))
    else:
        copy = dict(value)
        where = rng.choice(list(copy))
    action = rng.random()
    if action < 0.15:
        del copy[where]
    elif action < 0.25 and isinstance(copy, dict):
        copy[rng.choice(["", "b64", "inputs", "instances", "é", "x"])] = copy[where]
    elif action < 0.35 and isinstance(copy, list):
        copy.insert(where, rng.choice(ODD_VALUES))
    elif action < 0.45:
        copy[where] = [copy[where]]
    else:
        copy[where] = _replaced(rng, copy[where])
    return copy


def _nested(rng: random.Random) -> bytes:
    depth = rng.choice([10, 500, 1_000, 20_000, 200_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b"[1,", b"]")])
    inner = opening * depth + b"1" + closing * rng.choice([0, depth])
    key = rng.choice(
        [b"instances", b"inputs", b"examples", b"signature_name", b"other"]
    )
    return b'{"' + key + b'": ' + inner + rng.choice([b"", b"}"])


def _flip(rng: random.Random, content: bytes) -> bytes:
    if not content:
        return b"\xff"
    where = rng.randrange(len(content))
    changed = content[where] ^ (1 << rng.randrange(8))
    return content[:where] + bytes([changed]) + content[where + 1 :]


def _truncate(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _insert(rng: random.Random, content: bytes) -> bytes:
    where = rng.randrange(len(content) + 1)
    piece = rng.choice(
        [rng.randbytes(rng.randrange(1, 9)), b"\x80" * 11, b'"', b"\x00"]
    )
    return content[:where] + piece + content[where:]


def _double(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.randrange(1, 40))
    times = rng.choice([1, 2, 100])
    return content[:end] + content[start:end] * times + content[end:]


def _cut(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.randrange(1, 9) :]


_BYTE_MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [
    _flip,
    _flip,
    _truncate,
    _insert,
    _double,
    _cut,
]
