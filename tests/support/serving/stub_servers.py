"""Servers that answer what a test says, and remember what they were asked."""

import contextlib
import dataclasses
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Any, Self

import grpc

from serving.client import protos
from serving.client.wire import tensors

LABELS = [["a", "b"]]
SCORES = [[0.75, 0.25]]
REST_ANSWER = b'{"outputs": {"labels": [["a", "b"]], "scores": [[0.75, 0.25]]}}'


UNAVAILABLE = {"grpc": "UNAVAILABLE", "rest": 503}
"""How each says so."""


@dataclasses.dataclass
class Reply:
    """What to answer. `status` is a gRPC code's name or an HTTP number.

    It waits `wait_s` at the most: until the stub is closed, or the call cancelled. Over
    REST, with `trickle_s`, the body comes byte by byte, so many seconds apart.
    """

    status: Any = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    wait_s: float = 0.0
    trickle_s: float = 0.0


@dataclasses.dataclass
class Asked:
    """What came. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


Script = Callable[[int, Asked], Reply]


def always(reply: Reply) -> Script:
    """The same for every request."""
    return lambda number, asked: reply


def first(*replies: Reply) -> Script:
    """One after the other, and good answers from then on."""
    return lambda number, asked: replies[number] if number < len(replies) else Reply()


GOOD = always(Reply())


class StubGrpcServer(grpc.GenericRpcHandler):
    """Answers every method with the script's bytes; a context manager."""

    def __init__(
        self,
        script: Script = GOOD,
        address: str = "localhost:0",
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.cancelled = threading.Event()
        self._script = script
        self._server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[self])
        if credentials is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, credentials)
        self.endpoint = address.removesuffix(":0")
        if self.endpoint != address:
            self.endpoint += f":{port}"

    def service(self, handler_call_details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda body, context: self._answer(handler_call_details, body, context)
        )

    def _answer(self, details: Any, body: bytes, context: Any) -> bytes:
        asked = Asked(details.method, dict(details.invocation_metadata), body)
        self.asked.append(asked)
        reply = self._script(len(self.asked) - 1, asked)
        done = threading.Event()
        context.add_callback(lambda: None if done.is_set() else self.cancelled.set())
        if reply.wait_s:
            self.cancelled.wait(reply.wait_s)
        done.set()
        if reply.status is not None:
            context.set_trailing_metadata(tuple(reply.headers.items()))
            context.abort(grpc.StatusCode[reply.status], "told to")
        return grpc_answer() if reply.body is None else reply.body

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop(None).wait(5)


class StubRestServer:
    """Answers every request with the script's reply; a context manager."""

    def __init__(
        self,
        script: Script = GOOD,
        address: str = "localhost:0",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._closing = threading.Event()
        self._script = script
        host = address.removesuffix(":0")
        self._server = http.server.ThreadingHTTPServer((host, 0), self._handler_class())
        self._server.daemon_threads = True
        if tls is not None:
            # The handshake belongs to the thread of the connection.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.endpoint = f"{host}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,)).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler_class(self) -> type[http.server.BaseHTTPRequestHandler]:
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                stub.connections += 1

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # a refused handshake
                    super().handle()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): v for name, v in self.headers.items()}
                asked = Asked(self.path, headers, body)
                stub.asked.append(asked)
                reply = stub._script(len(stub.asked) - 1, asked)
                stub._closing.wait(reply.wait_s)
                content = REST_ANSWER if reply.body is None else reply.body
                self.send_response(reply.status or 200)
                headers = {"content-length": str(len(content)), **reply.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if not reply.trickle_s:
                    self.wfile.write(content)
                    return
                for byte in content:
                    self.wfile.write(bytes([byte]))
                    time.sleep(reply.trickle_s)

            do_GET = do_POST

            def log_message(self, *args: object) -> None:
                """Keeps quiet."""

        return Handler


class CountingProxy:
    """Passes connections on and counts what the client sends."""

    def __init__(self, endpoint: str) -> None:
        self.sent_bytes = 0
        host, _, port = endpoint.partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Wakes the thread that accepts; closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        # gRPC gives a slow connection up and makes another.
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            answers = self._start(self._pass_on, server, client)
            self._pass_on(client, server)
            answers.join(5)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        is_request = source.getsockname()[1] == int(self.endpoint.partition(":")[2])
        with contextlib.suppress(OSError):  # the other side has hung up
            while content := source.recv(65536):
                self.sent_bytes += len(content) if is_request else 0
                sink.sendall(content)
            sink.shutdown(socket.SHUT_WR)

    def _start(self, target: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread


def grpc_answer() -> bytes:
    """A serialised PredictResponse of one text."""
    import numpy as np

    response = protos.PredictResponse()
    response.model_spec.version.value = 1
    tensors.encode_into(response.outputs["labels"], LABELS)
    tensors.encode_into(response.outputs["scores"], np.float32(SCORES))
    return response.SerializeToString()


STUBS: dict[str, Any] = {"grpc": StubGrpcServer, "rest": StubRestServer}
