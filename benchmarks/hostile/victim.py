"""The server under attack: its process, its numbers, and a client that behaves."""

import contextlib
import dataclasses
import http.client
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import grpc

from benchmarks.hostile.attack import Target
from serving.client import protos
from serving.client.wire.tf_serving_names import MODELS_PATH
from tests.support.serving.fakes import free_port

_SAMPLE_S = 0.2
_PROBE_PAUSE_S = 0.05
_PROBE_LIMIT_S = 30.0
_MODULES = {True: "benchmarks.hostile.strict_server", False: "serving.server"}
# Signatures that do not sleep, loop or fail on request.
_SIGNATURES = {
    True: ("serving_default", "half", "echo"),
    False: ("serving_default", "two", "echo", "batch_size", "checked", "fixed"),
}
_PROBE_SIGNATURES = {True: "half", False: "serving_default"}


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a process holds."""

    rss_mb: float
    threads: int
    files: int


@dataclasses.dataclass
class Victim:
    """A running server."""

    process: subprocess.Popen[bytes]
    target: Target
    probe_signature: str

    def usage(self) -> Usage:
        """Now."""
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        status = dict(
            line.split(":", 1) for line in (proc / "status").read_text().splitlines()
        )
        return Usage(
            rss_mb=int(status["VmRSS"].split()[0]) / 1024,
            threads=int(status["Threads"]),
            files=len(list((proc / "fd").iterdir())),
        )


@contextlib.contextmanager
def running_victim(
    base_path: pathlib.Path, *, fake: bool, seed: int = 0, flags: tuple[str, ...] = ()
) -> Iterator[Victim]:
    """Starts a server for the model at `base_path`, waits for it, and ends it."""
    port, rest_port = free_port(), free_port()
    target = Target(port, rest_port, "m", _SIGNATURES[fake], seed)
    command = [
        *(sys.executable, "-m", _MODULES[fake]),
        *(f"--port={port}", f"--rest_api_port={rest_port}"),
        *("--model_name=m", f"--model_base_path={base_path}"),
        "--enable_grpc_healthcheck_service",
        *flags,
    ]
    with (base_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    victim = Victim(process, target, _PROBE_SIGNATURES[fake])
    try:
        _wait_until_ready(victim)
        yield victim
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(victim: Victim) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and victim.process.poll() is None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", victim.target.rest_port, timeout=5
        )
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", f"{MODELS_PATH}/m/metadata")
            with connection.getresponse() as answer:
                if answer.status == 200:
                    return
        time.sleep(0.1)
    raise RuntimeError("the server did not get ready")


class Observer(threading.Thread):
    """A client that behaves, on both ports, while a server is attacked.

    Attributes:
        latencies_s: of every request of its own.
        failures: what went wrong with them.
        peak: the most that the server held at any time.
        history_mb: its memory, from sample to sample.
    """

    def __init__(self, victim: Victim) -> None:
        super().__init__(daemon=True)
        self.latencies_s: list[float] = []
        self.failures: list[str] = []
        self.peak = victim.usage()
        self.history_mb: list[float] = []
        self._victim = victim
        self._is_done = threading.Event()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{victim.target.port}")

    def run(self) -> None:
        sampled = 0.0
        while not self._is_done.wait(_PROBE_PAUSE_S):
            for ask in (self._ask_rest, self._ask_grpc):
                started = time.monotonic()
                try:
                    ask()
                except Exception as error:  # noqa: BLE001  anything counts
                    self.failures.append(f"{ask.__name__}: {error!r}"[:300])
                self.latencies_s.append(time.monotonic() - started)
            if time.monotonic() - sampled > _SAMPLE_S:
                sampled = time.monotonic()
                self._sample()

    def stop(self) -> None:
        """Asks no more."""
        self._is_done.set()
        self.join(2 * _PROBE_LIMIT_S)
        self._channel.close()

    def p99_s(self) -> float:
        """Of the requests so far."""
        ordered = sorted(self.latencies_s)
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0

    def _ask_rest(self) -> None:
        target = self._victim.target
        connection = http.client.HTTPConnection(
            "127.0.0.1", target.rest_port, timeout=_PROBE_LIMIT_S
        )
        signature = self._victim.probe_signature
        body = f'{{"signature_name": "{signature}", "instances": [4.0]}}'
        try:
            connection.request("POST", "/v1/models/m:predict", body)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        assert response.status == 200, text

    def _ask_grpc(self) -> None:
        request = protos.PredictRequest()
        request.model_spec.name = "m"
        request.model_spec.signature_name = self._victim.probe_signature
        tensor = request.inputs["x"]
        tensor.dtype = 1
        tensor.tensor_shape.dim.add(size=1)
        tensor.float_val.append(4.0)
        call = self._channel.unary_unary(f"/{protos.PREDICTION_SERVICE}/Predict")
        call(request.SerializeToString(), timeout=_PROBE_LIMIT_S)

    def _sample(self) -> None:
        with contextlib.suppress(OSError, KeyError):
            now = self._victim.usage()
            self.history_mb.append(now.rss_mb)
            self.peak = Usage(
                max(self.peak.rss_mb, now.rss_mb),
                max(self.peak.threads, now.threads),
                max(self.peak.files, now.files),
            )
