"""Sends spoiled requests to a server and keeps what it answered."""

import asyncio
import collections
import contextlib
import dataclasses
import random
import re
import socket
from collections.abc import Iterable

import grpc

from benchmarks.hostile.http_requests import HttpRequest, HttpRequests, post
from benchmarks.hostile.messages import Messages
from serving.client import protos

HANG_S = 45.0
_HALF_S = 0.05
_TASKS = 8
_HALF_OPEN = 40
_TLS_HELLO = bytes.fromhex("16030100a5010000a10303") + b"\x07" * 154
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# What upstream answers so too.
_FAIR = re.compile(
    r"Conversion of JSON Value|Unsupported signature method_name|Method not found|"
    r"Unimplemented"
)
_BAD_CODES = ("INTERNAL", "UNKNOWN", "DATA_LOSS", "UNIMPLEMENTED", "UNAVAILABLE")
_NAMES = re.compile(r"[0-9]+|\"[^\"]*\"|'[^']*'|\{[^}]*\}|0x[0-9a-f]+")

GRPC_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_reconnect_backoff_ms", 500),
]


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to shoot. Request `i` of a seed is always the same one."""

    port: int
    rest_port: int
    model_name: str
    signature_names: tuple[str, ...]
    seed: int


@dataclasses.dataclass
class Findings:
    """How many answers of each kind, and the first input of each bad one."""

    answers: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    bad: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, index: int, kind: str, status: str, text: str, *, bad: bool) -> None:
        """One answer."""
        self.answers[f"{kind} {status}"] += 1
        if bad and not _FAIR.search(text):
            key = f"{kind} {status} {_NAMES.sub('_', text)[:200]}"
            self.bad.setdefault(key, f"request {index}: {text[:300]}")

    def merge(self, other: "Findings") -> None:
        """Takes another worker's in."""
        self.answers.update(other.answers)
        self.bad = {**other.bad, **self.bad}


def attack(target: Target, indices: Iterable[int]) -> Findings:
    """Sends these requests; for a process of its own."""
    return asyncio.run(_attack(target, list(indices)))


async def _attack(target: Target, indices: list[int]) -> Findings:
    signatures = await _signatures(target)
    attacker = _Attacker(target, signatures)
    queue = collections.deque(indices)

    async def work() -> None:
        while queue:
            await attacker.shoot(queue.popleft())

    await asyncio.gather(*(work() for _ in range(_TASKS)))
    await attacker.close()
    return attacker.findings


async def _signatures(target: Target) -> dict[str, protos.SignatureDef]:
    request = protos.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = target.model_name
    async with grpc.aio.insecure_channel(f"127.0.0.1:{target.port}") as channel:
        call = channel.unary_unary(f"/{protos.PREDICTION_SERVICE}/GetModelMetadata")
        answer = await call(request.SerializeToString(), wait_for_ready=True)
    response = protos.GetModelMetadataResponse.FromString(answer)
    found = protos.SignatureDefMap()
    found.ParseFromString(response.metadata["signature_def"].value)
    return {name: found.signature_def[name] for name in target.signature_names}


class _Attacker:
    def __init__(self, target: Target, signatures: dict[str, object]) -> None:
        self.findings = Findings()
        self._target = target
        self._http = HttpRequests(target.model_name, signatures)
        self._messages = Messages(target.model_name, signatures)
        self._channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{target.port}", options=GRPC_OPTIONS
        )
        self._half_open: collections.deque[asyncio.StreamWriter] = collections.deque()

    async def close(self) -> None:
        while self._half_open:
            self._half_open.popleft().close()
        await self._channel.close()

    async def shoot(self, index: int) -> None:
        rng = random.Random(f"{self._target.seed}/{index}")
        share = rng.random()
        if share < 0.5:
            await self._send_http(index, self._http.spoiled(rng))
        elif share < 0.92:
            await self._call(index, rng)
        else:
            await self._connect(rng)

    async def _send_http(self, index: int, request: HttpRequest) -> None:
        try:
            answer = await asyncio.wait_for(self._exchange(request), HANG_S)
        except TimeoutError:
            self.findings.add(index, request.kind, "HANG", "no answer", bad=True)
            return
        except OSError as error:
            self.findings.add(index, request.kind, "RESET", str(error), bad=False)
            return
        status = answer[9:12].decode("latin-1") if answer else "NONE"
        text = answer.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
        is_bad = status.startswith("5") or (request.is_whole and not answer)
        self.findings.add(index, request.kind, status, text, bad=is_bad)

    async def _exchange(self, request: HttpRequest) -> bytes:
        port = self._target.rest_port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request.content)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            if request.is_whole:
                has_body = not request.content.startswith(b"HEAD ")
                return await _read_answer(reader, body=has_body)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(_read_answer(reader), _HALF_S)
            return b""
        finally:
            writer.close()

    async def _call(self, index: int, rng: random.Random) -> None:
        method, content = self._messages.spoiled(rng)
        kind = method.rpartition("/")[2] or "method"
        call = self._channel.unary_unary(method)(content, timeout=HANG_S)
        if rng.random() < 0.02:
            await asyncio.sleep(0.001)
            call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            self.findings.add(index, kind, "CANCELLED", "", bad=False)
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            bad = code in (*_BAD_CODES, "DEADLINE_EXCEEDED")
            self.findings.add(index, kind, code, error.details() or "", bad=bad)
        else:
            self.findings.add(index, kind, "OK", "", bad=False)

    async def _connect(self, rng: random.Random) -> None:
        """A connection that says nonsense, or half of something, and stays a while."""
        is_rest = rng.random() < 0.5
        port = self._target.rest_port if is_rest else self._target.port
        path = f"/v1/models/{self._target.model_name}:predict"
        whole = post(path, b'{"instances": [1.0]}')
        said = rng.choice(
            [
                b"",
                _TLS_HELLO,
                HTTP2_PREFACE,
                HTTP2_PREFACE + rng.randbytes(50),
                HTTP2_PREFACE
                + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
                + rng.randbytes(60),
                rng.randbytes(200),
                b"GET / HTTP/1.1\r\nhost:",
                whole[:-5],
                whole * 20,
            ]
        )
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            self.findings.add(0, "connect", "REFUSED", "", bad=False)
            return
        writer.write(said)
        self.findings.answers["connect"] += 1
        if rng.random() < 0.3:
            _reset(writer)
        self._half_open.append(writer)
        if len(self._half_open) > _HALF_OPEN:
            self._half_open.popleft().close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST, in the middle of whatever happens there."""
    raw = writer.get_extra_info("socket")
    linger_0 = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
    writer.transport.abort()


async def _read_answer(reader: asyncio.StreamReader, *, body: bool = True) -> bytes:
    """Head and body of one answer, or what came before the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        return head + await reader.readexactly(int(length[1]) if length and body else 0)
    except asyncio.IncompleteReadError as error:
        return error.partial
