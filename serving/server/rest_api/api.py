"""REST: a path chooses what answers; it parses, has the handler predict, and writes."""

import asyncio
import dataclasses
import functools
import operator
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from concurrent import futures
from typing import TypeVar

from google.protobuf import json_format

from serving.client import protos
from serving.client.wire.tf_serving_names import (
    MODEL_NAME_HEADER,
    MODEL_VERSION_HEADER,
    MODELS_PATH,
)
from serving.server import upstream_texts
from serving.server.json_format.answer import error_answer, predict_answer
from serving.server.json_format.exact_parser import JsonObject
from serving.server.json_format.example_body import parse_examples, results_answer
from serving.server.json_format.predict_body import read_predict
from serving.server.models.health import Health
from serving.server.models.version import ServedVersion
from serving.server.observation.record import REST, RequestRecord
from serving.server.requests.handler import ModelRef, RequestHandler, RequestUnderWay
from serving.server.requests.plans import DEFAULT_SIGNATURE
from serving.server.requests.predict_checks import signature_map
from serving.server.requests.results import Classes, Values
from serving.server.rest_api.exchange import (
    Answer,
    Request,
    json_answer,
    not_found_page,
)
from serving.server.rest_api.probes import is_probe, probe_answer
from serving.server.rest_api.version_status import start_error, status_content
from serving.server.status import Code, StatusError, from_exception, invalid_argument
from serving.version_dirs import INT64_MAX

_MODEL = r"(?:/versions/(\d+)|/labels/([^/:]+))?"
_PREDICTION = re.compile(
    rf"{MODELS_PATH}/([^/:]+){_MODEL}:(classify|regress|predict)", re.IGNORECASE
)
_STATUS = re.compile(rf"{MODELS_PATH}(?:/([^/:]+))?{_MODEL}(/metadata)?", re.IGNORECASE)
API_PATH = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)

T = TypeVar("T")
# Invalid JSON of this size takes 50 ms to be told what is wrong with it.
_SMALL_BYTES = 16 * 1024
_BYTES_PER_VALUE, _BYTES_PER_ROW = 16, 1024
_size_of = operator.attrgetter("size")


@dataclasses.dataclass(frozen=True)
class RestSettings:
    """How the API behaves.

    Attributes:
        timeout_s: how long a request may take in queue and model.
        num_threads: for large bodies.
        pages: beside the API, by path: query string to HTTP status and text.
    """

    timeout_s: float = 30.0
    num_threads: int = 4
    pages: Mapping[str, Callable[[str], tuple[int, str]]] = dataclasses.field(
        default_factory=dict
    )


Endpoint = Callable[[ModelRef, bytes, RequestUnderWay], Awaitable[Answer]]
Infer = Callable[..., Awaitable[Classes | Values]]


class RestApi:
    """The API as a function of a request that was let in."""

    def __init__(
        self, handler: RequestHandler, health: Health, settings: RestSettings
    ) -> None:
        self._handler = handler
        self._health = health
        self._settings = settings
        self._threads = futures.ThreadPoolExecutor(settings.num_threads, "json")
        self._verbs: Mapping[str, Endpoint] = {
            "predict": self._predict,
            "classify": functools.partial(self._infer, handler.classify),
            "regress": functools.partial(self._infer, handler.regress),
        }

    async def answer(self, request: Request) -> Answer:
        """Answers, and never raises: every failure is an answer."""
        method, target = request.method, request.target
        if method in ("GET", "HEAD"):
            if is_probe(method, target):
                return probe_answer(self._health, target)
            path, _, query = target.partition("?")
            if path in self._settings.pages:
                return await self._page(path, query)
        if not API_PATH.fullmatch(target):
            return not_found_page()
        record = RequestRecord(
            api="", entrypoint=REST, request_bytes=len(request.body), peer=request.peer
        )
        try:
            with self._handler.begin(record) as under_way:
                endpoint, ref = self._find(method, target, record)
                record.model_name = ref.name
                return await endpoint(ref, request.body, under_way)
        except Exception as error:  # noqa: BLE001  a bug is an answer too
            return error_response(from_exception(error))

    def _find(
        self, method: str, target: str, record: RequestRecord
    ) -> tuple[Endpoint, ModelRef]:
        """Finds what answers at this path, and the model that the path names."""
        match = _PREDICTION.fullmatch(target)
        # Paths match in any case, but verbs only in this one.
        if method == "POST" and match and match[4] in self._verbs:
            record.api = match[4]
            return self._verbs[match[4]], _model_ref(match)
        if method == "GET" and (match := _STATUS.fullmatch(target)):
            if match[1] is None:
                raise invalid_argument("Missing model name in request.")
            is_metadata = match[4] == "/metadata"
            record.api = "metadata" if is_metadata else "status"
            return self._metadata if is_metadata else self._status, _model_ref(match)
        raise upstream_texts.malformed_request(method, target)

    async def _predict(
        self, ref: ModelRef, body: bytes, under_way: RequestUnderWay
    ) -> Answer:
        # Upstream reads the body before it looks for the model.
        read = functools.partial(read_predict, body)
        is_small = len(body) < _SMALL_BYTES
        document = read() if is_small else await self._in_thread(read)
        version = under_way.lease(ref)
        name = document.signature_name or DEFAULT_SIGNATURE
        fit = functools.partial(document.tensors, _inputs_of(version, name))
        parsed = fit() if is_small else await self._in_thread(fit)
        outputs = await self._handler.predict(
            *(version, name, parsed.inputs, under_way.record),
            timeout_s=self._settings.timeout_s,
        )
        write = functools.partial(predict_answer, outputs, is_row=parsed.is_row)
        size = sum(map(_size_of, outputs.values())) * _BYTES_PER_VALUE
        content = write() if size < _SMALL_BYTES else await self._in_thread(write)
        under_way.record.response_bytes = len(content)
        return Answer(200, content, headers=_served_by(version))

    async def _infer(
        self, infer: Infer, ref: ModelRef, body: bytes, under_way: RequestUnderWay
    ) -> Answer:
        record = under_way.record
        read = functools.partial(parse_examples, body)
        is_small = len(body) < _SMALL_BYTES
        parsed = read() if is_small else await self._in_thread(read)
        version = under_way.lease(ref)
        result = await infer(
            *(version, parsed.signature_name, parsed.message, record),
            timeout_s=self._settings.timeout_s,
        )
        write = functools.partial(results_answer, result)
        is_small = record.rows * _BYTES_PER_ROW < _SMALL_BYTES
        content = write() if is_small else await self._in_thread(write)
        record.response_bytes = len(content)
        return Answer(200, content, headers=_served_by(version))

    def _in_thread(self, function: Callable[[], T]) -> Awaitable[T]:
        """Reads or writes a large body in a thread; the loop serves all others."""
        return asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def _status(
        self, ref: ModelRef, body: bytes, under_way: RequestUnderWay
    ) -> Answer:
        versions = self._handler.status(ref)
        answer = json_answer(status_content(versions))
        error = start_error(versions, ref.name, ref.version)
        if error is None or self._health.has_started:
            return answer
        record = under_way.record
        record.code, record.error = error.code, error.message
        return dataclasses.replace(answer, status=error.code.http_status)

    async def _metadata(
        self, ref: ModelRef, body: bytes, under_way: RequestUnderWay
    ) -> Answer:
        version = under_way.lease(ref)
        spec: JsonObject = {"name": version.model_name, "signature_name": ""}
        spec["version"] = str(version.number)
        signature_def = json_format.MessageToDict(
            signature_map(version.servable),
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
            descriptor_pool=protos.pool(),
        )
        content: JsonObject = {
            "model_spec": spec,
            "metadata": {"signature_def": signature_def},
        }
        return json_answer(content, _served_by(version))

    async def _page(self, path: str, query: str) -> Answer:
        page = functools.partial(self._settings.pages[path], query)
        status, text = await self._in_thread(page)
        return Answer(status, text.encode(), "text/plain")


def error_response(error: StatusError) -> Answer:
    """Returns the answer that says what went wrong."""
    if isinstance(error, _VersionTooBigError):
        return Answer(400, b"")
    headers = {}
    if error.code is Code.UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"
    content = error_answer(error.message)
    return Answer(error.code.http_status, content, headers=headers)


class _VersionTooBigError(StatusError):
    """Upstream answers a version beyond int64 with an empty body."""


def _model_ref(match: re.Match[str]) -> ModelRef:
    name = urllib.parse.unquote(match[1])
    label = urllib.parse.unquote(match[3] or "")
    # The length first: int() itself refuses some thousand digits.
    digits = (match[2] or "").lstrip("0")
    version = None if match[2] is None else int(digits[:20] or "0")
    if version is not None and version > INT64_MAX:
        raise _VersionTooBigError(Code.INVALID_ARGUMENT, "version is beyond int64")
    return ModelRef(name, version, label)


def _inputs_of(version: ServedVersion, name: str) -> Mapping[str, "protos.TensorInfo"]:
    signature = version.servable.signatures.get(name)
    if signature is None:
        raise upstream_texts.unknown_signature_rest(name)
    return dict(signature.inputs)


def _served_by(version: ServedVersion) -> dict[str, str]:
    name = urllib.parse.quote(version.model_name)
    return {MODEL_NAME_HEADER: name, MODEL_VERSION_HEADER: str(version.number)}
