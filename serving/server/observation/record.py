"""What happened to one request: the facts that metrics and logs are made of."""

import dataclasses
from collections.abc import Callable

from serving.server.status import Code

GRPC, REST = "GRPC", "REST"


@dataclasses.dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request, filled in on its way and given to every observer at its end.

    `api` is upstream's spelling: `Predict`, `Classify` over gRPC, `predict`,
    `classify` over REST. `version`, `signature_name` and `batch_rows` stay empty for
    a request that ended before they were known; a signature that the model does not
    have is never named here, so that no word of a client becomes a metric's label.
    Times are seconds: `queue_s` waiting for a thread or a batch, `run_s` in the model,
    `total_s` from the first byte parsed to the answer ready. `batch_rows` counts the
    rows computed together, padding included; `rows` those of this request.
    """

    api: str
    entrypoint: str
    model_name: str = ""
    version: int | None = None
    signature_name: str = ""
    rows: int = 0
    batch_rows: int = 0
    queue_s: float = 0.0
    run_s: float = 0.0
    total_s: float = 0.0
    code: Code = Code.OK
    error: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    peer: str = ""


Observer = Callable[[RequestRecord], None]
"""Called on the event loop, once per request; must be quick and must not raise."""
