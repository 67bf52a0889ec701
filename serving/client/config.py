"""How to reach a server: checked settings of the client."""

from __future__ import annotations

import dataclasses
import enum
import numbers
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from . import contract
from .wire import addresses
from .wire.tf_serving_names import GRPC_PORT, REST_PORT

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

# Python 3.9 has no keyword-only dataclasses.
KEYWORD_ONLY = {"kw_only": True} if sys.version_info >= (3, 10) else {}


class Choice(str, enum.Enum):
    """As enum.StrEnum, which Python 3.9 does not have."""

    def __str__(self) -> str:
        return self.value


Kind = TypeVar("Kind", bound=Choice)


_LONG_S = 1_000_000
# gRPC counts bytes and milliseconds in 32 bits.
_NUMBERS = {
    "deadline_s": (float, 1e-6, _LONG_S),
    "backoff_s": (float, 1e-6, _LONG_S),
    "hedge_after_s": (float, 1e-6, _LONG_S),
    "keepalive_s": (float, 1e-3, _LONG_S),
    "retries": (int, 0, 1_000_000),
    "retry_budget": (float, 0, 1_000_000_000),
    "max_message_bytes": (int, 1, 2**31 - 1),
    "max_rows_per_request": (int, 1, 1_000_000_000),
    "max_parallel_requests": (int, 1, 10_000),
}
"""Type, least and most of each number."""


class TransportKind(Choice):
    """`GRPC` is faster; `REST` passes where only HTTP/1.1 does."""

    GRPC = "grpc"
    REST = "rest"


class Compression(Choice):
    """`GZIP` saves network and costs CPU: for long texts over slow lines."""

    NONE = "none"
    GZIP = "gzip"


@dataclasses.dataclass(frozen=True, **KEYWORD_ONLY)
class TlsConfig:
    """Encryption. Without `ca_path` the system's certificate authorities are trusted.

    `server_name` is the name the certificate must carry, where it is not the
    endpoint's. `insecure_skip_verify` trusts everybody; REST only, gRPC has no such
    switch.
    """

    ca_path: str | None = None
    certificate_path: str | None = None
    key_path: str | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False

    def __post_init__(self) -> None:
        if (self.certificate_path is None) != (self.key_path is None):
            raise ValueError(
                "A client certificate needs both certificate_path and key_path; got "
                f"{self.certificate_path!r} and {self.key_path!r}."
            )


@dataclasses.dataclass(frozen=True, **KEYWORD_ONLY)
class ClientConfig:
    """One server, one model, and how patient to be.

    `endpoint` is `HOST:PORT`, `unix:/path`, or for REST a URL. `version` or
    `version_label` chooses a version; without them the newest answers. The `transport`
    is gRPC unless you say "rest": REST writes every number as text, which is slow for
    large arrays.

    `deadline_s` is the time for one call, with all its parts and retries. A request is
    repeated at most `retries` times, after random waits of up to `backoff_s`, doubled
    each time; `retry_budget` bounds the repetitions of all calls together (see
    `retry`). With `hedge_after_s`, a request that has no answer by then is sent
    a second time, and the first answer counts: choose the p95 latency or more.

    Long lists go in requests of `max_rows_per_request`, `max_parallel_requests` at a
    time. `keepalive_s`: gRPC asks a silent server during a call whether it is alive;
    REST closes a connection that was idle for so long.

    `token`, or the content of `token_path` (read again when it changes), is sent as a
    bearer token. Over plaintext it goes to this machine only, unless
    `allow_plaintext_token`.
    """

    endpoint: str = f"localhost:{GRPC_PORT}"
    transport: TransportKind = TransportKind.GRPC
    model_name: str = contract.MODEL_NAME
    version: int | None = None
    version_label: str | None = None
    deadline_s: float = 30.0
    retries: int = 4
    backoff_s: float = 0.1
    retry_budget: float = 100.0
    hedge_after_s: float | None = None
    keepalive_s: float = 60.0
    compression: Compression = Compression.NONE
    max_message_bytes: int = 256 * 1024 * 1024
    max_rows_per_request: int = 256
    max_parallel_requests: int = 4
    tls: TlsConfig | None = None
    token: str | Callable[[], str] | None = dataclasses.field(default=None, repr=False)
    token_path: str | None = None
    allow_plaintext_token: bool = False

    def __post_init__(self) -> None:
        for name, kind in (("transport", TransportKind), ("compression", Compression)):
            object.__setattr__(self, name, _member(kind, name, getattr(self, name)))
        object.__setattr__(self, "endpoint", addresses.resolvable(self.endpoint))
        self._check_numbers()
        self._check_model()
        self._check_endpoint()
        self._check_token()

    def _check_numbers(self) -> None:
        for name, (kind, least, most) in _NUMBERS.items():
            value = getattr(self, name)
            if value is None and name == "hedge_after_s":
                continue
            if not _is_number(value, kind) or not least <= value <= most:
                word = "a whole number" if kind is int else "a number"
                raise ValueError(
                    f"{name} is {str(value)[:60]!s}; allowed: {word}, {least:g} to "
                    f"{most}{', 0 means never' if least == 0 else ''}."
                )

    def _check_model(self) -> None:
        if not self.model_name:
            raise ValueError("model_name is empty; give the name the server offers.")
        for setting in ("model_name", "version_label"):
            _check_text(setting, getattr(self, setting))
        version = self.version
        if version is not None and (not hasattr(version, "__index__") or version < 0):
            raise ValueError(f"version is {version!r}; give a whole number, like 3.")
        if self.version is not None and self.version_label is not None:
            raise ValueError(
                f"version ({self.version}) and version_label ({self.version_label!r}) "
                "both choose a version; give one of them."
            )

    def _check_endpoint(self) -> None:
        if addresses.may_hold_secrets(self.endpoint):
            # Its text would end in messages and logs.
            raise ValueError(
                "endpoint has a user or password before '@', or a query behind '?', "
                "which would not be sent. Leave it out; a token goes into token or "
                "token_path."
            )
        is_grpc = self.transport is TransportKind.GRPC
        if self.is_url and is_grpc:
            raise ValueError(
                f"endpoint {self.endpoint!r} is a URL; gRPC takes HOST:PORT. "
                "For REST say transport='rest'."
            )
        if not is_grpc and addresses.is_grpc_target(self.endpoint):
            raise ValueError(
                f"endpoint {self.endpoint!r} is a name that only gRPC knows; REST "
                "takes HOST:PORT, a URL or unix:/path."
            )
        if not self.is_url and ":" not in self.endpoint:
            raise ValueError(
                f"endpoint {self.endpoint!r} has no port; give HOST:PORT, for example "
                f"{self.endpoint or 'localhost'}:{default_port(self.transport)}."
            )
        if (port := addresses.wrong_port(self.endpoint)) is not None:
            raise ValueError(
                f"endpoint {self.endpoint!r} has port {port}; allowed are 1 to 65535."
            )
        if self.tls is not None and self.endpoint.lower().startswith("http://"):
            raise ValueError(
                f"endpoint {self.endpoint!r} is plaintext and tls is given; "
                "say https://, or leave tls out."
            )
        if is_grpc and self.tls is not None and self.tls.insecure_skip_verify:
            raise ValueError(
                "insecure_skip_verify works with transport='rest' only; for gRPC give "
                "the server's own certificate as ca_path, or leave tls out (plaintext)."
            )

    def _check_token(self) -> None:
        if self.token is not None and self.token_path is not None:
            raise ValueError("token and token_path are both given; give one of them.")
        if not (
            self.token is None or isinstance(self.token, str) or callable(self.token)
        ):
            raise ValueError(
                f"token is of type {type(self.token).__name__}; give a str, or a "
                "function that gives one."
            )
        has_token = self.token is not None or self.token_path is not None
        if has_token and not (self.is_encrypted or self.is_local):
            if self.allow_plaintext_token:
                return
            raise ValueError(
                f"A token would travel unencrypted to {self.endpoint}, for everybody "
                "on the way to read. Set tls (TlsConfig() trusts the system's "
                "authorities), or allow_plaintext_token=True where the network itself "
                "is encrypted, as in a service mesh."
            )

    @property
    def is_url(self) -> bool:
        """True when the endpoint begins with `http://` or `https://`."""
        return addresses.is_url(self.endpoint)

    @property
    def unix_path(self) -> str | None:
        """The socket file in `unix:/path` or `unix:///path`; else None."""
        if not self.endpoint.startswith(addresses.UNIX):
            return None
        path = self.endpoint.removeprefix(addresses.UNIX)
        return path.removeprefix("//") if path.startswith("///") else path

    @property
    def is_local(self) -> bool:
        """True for this machine: nothing leaves it, and no proxy may stand between."""
        return addresses.is_this_machine(self.endpoint)

    @property
    def is_encrypted(self) -> bool:
        """True when the connection uses TLS."""
        return self.tls is not None or self.endpoint.lower().startswith("https://")

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        default_endpoint: str = endpoint,
        **values: object,
    ) -> Self:
        """Takes settings from the environment; `values` win over it.

        Read are `KTP_ENDPOINT`, `KTP_DEADLINE_S`, `KTP_TOKEN` and `KTP_TOKEN_FILE`.
        """
        source = os.environ if environ is None else environ
        settings: dict[str, object] = {"endpoint": default_endpoint}
        if "KTP_ENDPOINT" in source:
            settings["endpoint"] = source["KTP_ENDPOINT"]
        if "KTP_DEADLINE_S" in source:
            settings["deadline_s"] = _seconds(source["KTP_DEADLINE_S"])
        if not {"token", "token_path"} & values.keys():
            # Empty is what a shell or a manifest makes of "not set".
            settings["token"] = source.get("KTP_TOKEN") or None
            settings["token_path"] = source.get("KTP_TOKEN_FILE") or None
        return cls(**{**settings, **values})  # type: ignore[arg-type]


def _is_number(value: object, kind: type) -> bool:
    """Tells a number from True, from a text, and from a fraction of a row."""
    if isinstance(value, bool):
        return False
    return isinstance(value, numbers.Integral if kind is int else numbers.Real)


def _check_text(setting: str, value: object) -> None:
    """Raises `ValueError` for a name that no request can carry."""
    if value is None:
        return
    try:
        is_text = isinstance(value, str) and bool(value.encode("utf-8"))
    except UnicodeEncodeError:  # a lone surrogate
        is_text = False
    if not is_text:
        raise ValueError(f"{setting} is {value!r}; give text that UTF-8 can hold.")


def default_port(transport: TransportKind) -> int:
    """Gives the port on which TF Serving's container offers that transport."""
    return GRPC_PORT if transport is TransportKind.GRPC else REST_PORT


def _member(kind: type[Kind], setting: str, name: str) -> Kind:
    try:
        return kind(name)
    except ValueError:
        allowed = ", ".join(kind)
        raise ValueError(f"{setting} is {name!r}; allowed are {allowed}.") from None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"KTP_DEADLINE_S is {text!r}; give seconds, like 30."
        ) from None
