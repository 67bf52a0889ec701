"""What load to make, against whom, and when to stop."""

import dataclasses

from model import contract

TRANSPORTS = ("grpc", "rest")
ARRIVALS = ("poisson", "constant")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadConfig:
    """Exactly one of `rate_per_s` (open loop) and `clients` (closed loop) is given.

    Open loop: requests arrive when the schedule says so, whether or not the server
    has answered the last one, as the requests of many independent users do. Closed
    loop: each client waits for its answer, then asks again at once.
    """

    endpoint: str
    transport: str = "grpc"
    model_name: str = contract.MODEL_NAME
    signature_name: str = str(contract.Signature.SERVING_DEFAULT)
    input_name: str = contract.TEXT
    rate_per_s: float | None = None
    arrivals: str = "poisson"
    clients: int | None = None
    duration_s: float = 10.0
    warm_up_s: float = 2.0
    max_requests: int = 1_000_000
    max_in_flight: int = 1000
    channels: int = 4
    deadline_s: float = 10.0
    texts_per_request: int = 1
    check_every: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.rate_per_s is None) == (self.clients is None):
            raise ValueError(
                "Give either rate_per_s (open loop) or clients (closed loop), not "
                f"{'both' if self.clients else 'neither'}."
            )
        for name, allowed in (("transport", TRANSPORTS), ("arrivals", ARRIVALS)):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}."
                )
        for name in (
            *("rate_per_s", "clients", "duration_s", "max_requests", "max_in_flight"),
            *("channels", "deadline_s", "texts_per_request"),
        ):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; it must be above 0.")
        for name in ("warm_up_s", "check_every"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; 0 turns it off.")

    @property
    def total_s(self) -> float:
        """Warm-up and measurement; nothing new is sent after that."""
        return self.warm_up_s + self.duration_s
