"""A server without TensorFlow: the real transports and core around a fake model."""

import pathlib
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from model import contract
from serving.client import protos
from serving.server.app import ServerApp
from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry
from serving.server.models.swapping import Loader
from serving.server.models.version import ServedVersion
from serving.server.servable import Servable
from serving.server.status import Code, StatusError
from tests.support.patience import wait_until

MODEL = contract.MODEL_NAME
LABELS = (b"billing", b"returns")

Tensors = Mapping[str, tuple[str, Sequence[int]]]


def signature(inputs: Tensors, outputs: Tensors) -> Any:
    """A SignatureDef of `{alias: (dtype name, shape)}`."""
    message = protos.SignatureDef()
    for infos, tensors in ((message.inputs, inputs), (message.outputs, outputs)):
        for alias, (dtype, shape) in tensors.items():
            infos[alias].name = f"{alias}_feed:0"
            infos[alias].dtype = protos.enum(protos.DATA_TYPE).Value(dtype)
            for size in shape:
                infos[alias].tensor_shape.dim.add(size=size)
    return message


def fake_signatures() -> dict[str, Any]:
    """What `FakeServable` offers."""
    text = {contract.TEXT: ("DT_STRING", [-1])}
    best = {
        contract.LABELS: ("DT_STRING", [-1, 2]),
        contract.SCORES: ("DT_FLOAT", [-1, 2]),
    }
    number = {"x": ("DT_FLOAT", [-1])}
    code: dict[str, tuple[str, list[int]]] = {"code": ("DT_INT32", [])}
    examples = {"inputs": ("DT_STRING", [-1])}
    classes = {
        contract.CLASSES: ("DT_STRING", [-1, 2]),
        contract.SCORES: ("DT_FLOAT", [-1, 2]),
    }
    return {
        "serving_default": signature(text, best),
        "half": signature(number, {"y": ("DT_FLOAT", [-1])}),
        "fail": signature(code, {"never": ("DT_FLOAT", [-1])}),
        "sleep": signature(
            {"seconds": ("DT_FLOAT", [])}, {"version": ("DT_INT64", [])}
        ),
        "classify": signature(examples, classes),
        "regress": signature(examples, {"outputs": ("DT_FLOAT", [-1])}),
        "echo": signature(
            {"raw": ("DT_STRING", [-1])}, {"raw_bytes": ("DT_STRING", [-1])}
        ),
    }


class Naps:
    """Requests that sleep in the model: a test waits until they do, and wakes them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._begun = self._wakings = 0
        self._is_over = False

    def take(self, seconds: float) -> None:
        """Sleeps so long, or until somebody wakes all."""
        with self._changed:
            self._begun += 1
            self._changed.notify_all()
            wakings = self._wakings
            self._changed.wait_for(
                lambda: self._is_over or self._wakings > wakings, seconds
            )

    def wait_for(self, count: int) -> None:
        """Returns when so many have begun since the server is there."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._begun >= count, 60)

    def wake(self, *, for_ever: bool = False) -> None:
        """Ends those that sleep now; `for_ever`: and those that come."""
        with self._changed:
            self._wakings += 1
            self._is_over = for_ever
            self._changed.notify_all()


class FakeServable(Servable):
    """Scores a text by its length; fails and sleeps when told to."""

    batchable_signatures = frozenset({"serving_default", "half", "echo"})

    def __init__(self, version: int = 1, naps: Naps | None = None) -> None:
        self.signatures = fake_signatures()
        self._naps = naps or Naps()
        self.is_closed = False
        self._version = version

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        assert not self.is_closed, "a request met an unloaded model"
        found = self._compute(signature_name, inputs)
        return {alias: found[alias] for alias in outputs}

    def close(self) -> None:
        self.is_closed = True

    def _compute(
        self, name: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        if name == "serving_default":
            texts = inputs[contract.TEXT].tolist()
            first = np.array([len(text) / 100 for text in texts], np.float32)
            labels = np.array([LABELS] * len(texts), dtype=object)
            return {
                contract.LABELS: labels,
                contract.SCORES: np.stack([1 - first, first], axis=1),
            }
        if name == "fail":
            code = Code(int(inputs["code"]))
            raise StatusError(code, f"told to fail with {code.name}")
        if name == "sleep":
            self._naps.take(float(inputs["seconds"]))
            return {"version": np.array(self._version, np.int64)}
        if name in ("classify", "regress"):
            sizes = np.array([len(one) / 100 for one in inputs["inputs"]], np.float32)
            if name == "regress":
                return {"outputs": sizes}
            labels = np.array([LABELS] * len(sizes), dtype=object)
            scores = np.stack([1 - sizes, sizes], axis=1)
            return {contract.CLASSES: labels, contract.SCORES: scores}
        if name == "echo":
            return {"raw_bytes": inputs["raw"]}
        return {"y": inputs["x"] / 2}


def fake_loader(entry: ModelEntry, version: ServedVersion) -> FakeServable:
    """A loader that needs nothing but a directory."""
    return FakeServable(version.number)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


class FakeServer:
    """A whole server in this process; a context manager.

    `loader` None loads real models, as the flags say. The fake ones take `naps`.
    """

    def __init__(
        self,
        base_path: pathlib.Path,
        *,
        loader: Loader | None = fake_loader,
        **flags: Any,
    ) -> None:
        (base_path / "1").mkdir(parents=True, exist_ok=True)
        self.port, self.rest_port = free_port(), free_port()
        settings = {
            "port": self.port,
            "rest_api_port": self.rest_port,
            "model_name": MODEL,
            "model_base_path": str(base_path),
            "enable_grpc_healthcheck_service": True,
            "shutdown_limit_seconds": 5,
            **flags,
        }
        self.naps = Naps()
        if loader is fake_loader:
            loader = self._load_fake
        self.app = ServerApp(ServerFlags(**settings), loader)
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self.app.run_until, args=(self._stopping.is_set,), daemon=True
        )

    @property
    def grpc_endpoint(self) -> str:
        return f"localhost:{self.port}"

    @property
    def rest_endpoint(self) -> str:
        return f"localhost:{self.rest_port}"

    def __enter__(self) -> Self:
        self.start()
        wait_until(self._is_open_and_ready, "a ready server")
        return self

    @property
    def is_started(self) -> bool:
        """True between `start` and `stop`."""
        return self._thread.ident is not None and not self._stopping.is_set()

    def start(self) -> None:
        """Begins to load; `open_ports_at_once` decides whether anybody can ask yet."""
        self.app.start()
        self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Lets running requests end, those asleep in their own time."""
        if not self.is_started:
            return
        self._stopping.set()
        self._thread.join(10)
        self.app.stop()

    def _is_open_and_ready(self) -> bool:
        return self.app.health.has_started and self.app.health.is_ready

    def _load_fake(self, entry: ModelEntry, version: ServedVersion) -> FakeServable:
        return FakeServable(version.number, self.naps)
