"""A request over HTTP, and its answer, without the transport."""

import dataclasses
import json
from collections.abc import Mapping

from serving.server.json_format.exact_parser import JsonObject

JSON_TYPE = "application/json"
NOT_FOUND_PAGE = (
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n"
    b"<H1>Not Found</H1>\n</BODY></HTML>\n"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What came: `target` is path and query, percent-encoded; `body` is unpacked."""

    method: str
    target: str
    body: bytes = b""
    peer: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def json_answer(
    content: JsonObject, headers: Mapping[str, str] | None = None, status: int = 200
) -> Answer:
    """Writes JSON as upstream's status answers are written."""
    body = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    return Answer(status, body.encode(), headers=headers or {})


def not_found_page() -> Answer:
    """What upstream answers for paths that it does not know."""
    return Answer(404, NOT_FOUND_PAGE, "text/html")
