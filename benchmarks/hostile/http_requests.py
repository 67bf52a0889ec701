"""Whole and broken HTTP requests, as bytes on a connection."""

import dataclasses
import functools
import gzip
import random
from collections.abc import Callable

from benchmarks.hostile.bodies import Signatures, spoiled_body, spoiled_bytes

_METHODS = "GET POST PUT DELETE HEAD OPTIONS PATCH TRACE post BREW CONNECT".split()
_ODD_HEADERS = [
    b"content-type: text/xml; charset=klingon",
    b"content-encoding: br",
    b"content-encoding: gzip, gzip",
    b"transfer-encoding: gzip",
    b"accept-encoding: *;q=0",
    b"expect: 100-continue",
    b"expect: the-unexpected",
    b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk",
    b"authorization: Bearer \xff",
    b"x: " + b"y" * 20_000,
    b"x-forwarded-for: ../../etc/passwd",
    b"origin: http://evil",
    b"range: bytes=0-",
    b": nameless",
    b"no colon",
    b"x\x00y: z",
    b"folded: a\r\n b",
]
_LENGTHS = [
    *[b"2147483648", b"99999999999999999999999", b"-1", b"+5", b"0x5", b"5 5", b""],
    *[b"5\r\ncontent-length: 6", b"5\r\ntransfer-encoding: chunked", b"1048576"],
]


@dataclasses.dataclass(frozen=True)
class HttpRequest:
    """Bytes to send. `is_whole` when a server has to answer them."""

    kind: str
    content: bytes
    is_whole: bool = True


class HttpRequests:
    """Makes requests for one model."""

    def __init__(self, model_name: str, signatures: Signatures) -> None:
        self._model = model_name
        self._signatures = signatures
        self._makers: list[tuple[int, Callable[[random.Random], HttpRequest]]] = [
            (60, self._body),
            (12, self._target),
            (8, self._headers),
            (5, self._gzip),
            (5, self._chunks),
            (3, self._lengths),
            (7, self._bytes),
        ]

    def spoiled(self, rng: random.Random) -> HttpRequest:
        """A request with something wrong in it, nearly always."""
        weights, makers = zip(*self._makers, strict=True)
        return rng.choices(makers, weights)[0](rng)

    def _path(self, rng: random.Random) -> str:
        version = rng.choice(
            ["", "", "", "", "/versions/1", "/versions/7", "/labels/x"]
        )
        verb = rng.choice(["predict"] * 6 + ["classify", "regress"])
        return f"/v1/models/{self._model}{version}:{verb}"

    def _body(self, rng: random.Random) -> HttpRequest:
        body = spoiled_body(rng, self._signatures)
        return HttpRequest("body", post(self._path(rng), body))

    def _target(self, rng: random.Random) -> HttpRequest:
        target = rng.choice(_TARGETS).replace("M", self._model).encode("latin-1")
        if rng.random() < 0.5:
            target = spoiled_bytes(rng, target)
        method = rng.choice(_METHODS)
        content = method.encode() + b" " + target + b" HTTP/1.1\r\nhost: x\r\n"
        # Spaces and line ends within the target make another request of it.
        is_whole = not set(target) & set(b" \r\n") and method != "CONNECT"
        return HttpRequest("target", content + b"content-length: 0\r\n\r\n", is_whole)

    def _headers(self, rng: random.Random) -> HttpRequest:
        extra = rng.choices(_ODD_HEADERS, k=rng.choice([1, 2, 5]))
        if rng.random() < 0.1:
            extra = [b"h%d: %s" % (i, b"v" * 50) for i in range(1500)]
        body = spoiled_body(rng, self._signatures)
        request = post(self._path(rng), body, b"\r\n".join(extra))
        return HttpRequest("headers", request, is_whole=False)

    def _gzip(self, rng: random.Random) -> HttpRequest:
        packed = gzip.compress(spoiled_body(rng, self._signatures))
        kind = rng.randrange(20)
        if kind == 0:
            packed = _bomb(rng.choice([b" ", b"0", b"1,", b"[", b'{"a":']), 150)
        elif kind == 1:
            packed = _bomb(rng.choice([b" ", b"[", b"1,"]), 4)
        elif kind < 12:
            packed = spoiled_bytes(rng, packed)
        header = b"content-encoding: " + rng.choice([b"gzip", b"GZIP"])
        return HttpRequest("gzip", post(self._path(rng), packed, header))

    def _chunks(self, rng: random.Random) -> HttpRequest:
        body = spoiled_body(rng, self._signatures)[:500]
        step = rng.choice([1, 7, 100])
        pieces = [body[i : i + step] for i in range(0, len(body), step)]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        is_spoiled = rng.random() < 0.6
        if is_spoiled:
            framed = spoiled_bytes(rng, framed)
        head = post(self._path(rng), None, b"transfer-encoding: chunked")
        return HttpRequest("chunks", head + framed, not is_spoiled)

    def _lengths(self, rng: random.Random) -> HttpRequest:
        length = rng.choice(_LENGTHS)
        head = post(self._path(rng), None, b"content-length: " + length)
        return HttpRequest("lengths", head + b"12345", is_whole=False)

    def _bytes(self, rng: random.Random) -> HttpRequest:
        body = spoiled_body(rng, self._signatures)[:2000]
        content = spoiled_bytes(rng, post(self._path(rng), body))
        if rng.random() < 0.1:
            content = rng.randbytes(rng.randrange(2000))
        return HttpRequest("bytes", content, is_whole=False)


def post(path: str, body: bytes | None, headers: bytes = b"") -> bytes:
    """A POST; without a body, its length is left to the headers."""
    lines = [f"POST {path} HTTP/1.1".encode(), b"host: x"]
    if headers:
        lines.append(headers)
    if body is not None:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


@functools.cache
def _bomb(piece: bytes, mebibytes: int) -> bytes:
    return gzip.compress(piece * (mebibytes * 2**20 // len(piece)), 6)


_TARGETS = [
    "/", "*", "/v1", "/v1/", "/v1/models", "/v1/models/", "/v1/models/M",
    "/v1/models/M/metadata", "/V1/MODELS/M", "/v1/models/M/METADATA",
    "/v1/models/M/versions/1", "/v1/models/M/versions/1/metadata",
    "/v1/models/M/versions/" + "9" * 5000, "/v1/models/M/versions/-1",
    "/v1/models/M/versions/18446744073709551615:predict", "/v1/models/M/labels/%",
    "/v1/models/M/labels/%00", "/v1/models/%4d%ff", "/v1/models/M%2F:predict",
    "/v1/models/M:PREDICT", "/v1/models/M:predict?x=1", "/v1/models/M:predict:predict",
    "/v1/models/..", "/v1/models/M/../M", "//v1/models/M", "/v1/models/M#frag",
    "http://other/v1/models/M", "http://[::1/v1/models/M", "/v1/models/" + "a" * 9000,
    "/healthz", "/readyz", "/healthz?x", "/monitoring/prometheus/metrics",
    "/v1/models/M/versions/١:predict".encode().decode("latin-1"), "/v1/models/é",
    "/v1/models/M:predict%00", "/v1/models/M/versions/00001",
    "/%2e%2e/%2e%2e/etc/passwd",
]  # fmt: skip
