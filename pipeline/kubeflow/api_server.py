"""Is this address the API of Kubeflow Pipelines? If not, what answers there?"""

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import IO, Any

from model.settings import quoted
from pipeline.errors import SubmitError
from serving.client.wire.addresses import is_this_machine

_HEALTH_PATH = "/apis/v2beta1/healthz"
# What the servers' health says; the first since version 2, the others before.
_KNOWN_KEYS = {"multi_user", "multiUser", "pipeline_store", "commit_sha", "tag_name"}
_MOST_BYTES = 64 * 1024
_MOST_PORT = 65_535


def checked_host(host: str) -> str:
    """Gives the URL of a server as kfp takes it.

    Raises:
        SubmitError: It is no URL of a server.
    """
    host = host.strip()
    if not host.lower().startswith(("http://", "https://")):
        raise _wrong_host(host, "it must start with http:// or https://")
    if not host.isascii() or not host.isprintable() or " " in host:
        raise _wrong_host(host, "it must be plain letters, digits and signs")
    try:
        parts = urllib.parse.urlsplit(host)
        port = parts.port
    except ValueError:
        raise _wrong_host(host, f"the port must be 1 to {_MOST_PORT}") from None
    if not parts.hostname or port == 0:
        raise _wrong_host(host, "it must name a host, and a port that is not 0")
    if parts.query or parts.fragment:
        raise _wrong_host(
            host, "leave out '?' and '#' and what follows: that is a page for people"
        )
    if parts.username is not None:
        raise SubmitError(
            f"The host is {quoted(parts.hostname)} with a user's name before it; "
            "Kubeflow Pipelines takes a --token instead."
        )
    # kfp knows schemes in lower case only.
    return parts.scheme + host[len(parts.scheme) :].rstrip("/")


def _wrong_host(host: str, reason: str) -> SubmitError:
    return SubmitError(
        f"The host is {quoted(host)}; {reason}, as in http://localhost:8888."
    )


def checked_token(token: str | None) -> str | None:
    """Gives the token as a header may hold it.

    Raises:
        SubmitError: No header can hold it. The message does not repeat it.
    """
    token = (token or "").strip()
    if not (token.isascii() and token.isprintable()):
        raise SubmitError(
            "The token holds a line break, or a character that no HTTP header may "
            "hold; give the token alone."
        )
    return token or None


def proxy_of(host: str) -> str | None:
    """Finds the proxy that the system's settings name for a URL; none for this machine.

    kfp would ask none of itself.
    """
    parts = urllib.parse.urlsplit(host)
    if is_this_machine(host) or urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def check_server(host: str, token: str | None, deadline_s: float) -> None:
    """Asks once: kfp's own client would try five times, printing a traceback each.

    Raises:
        SubmitError: No Kubeflow Pipelines answers there; the message says what does.
    """
    url = host + _HEALTH_PATH
    try:
        status, content_type, body = _get(url, token, deadline_s)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(url, error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _no_answer(host, error) from error
    if not _is_health(body):
        raise SubmitError(
            f"{url} answers {status} with {_told(content_type, body)}, not with the "
            "health of a Kubeflow Pipelines server of version 2 or later. Is --host "
            "right, without /pipeline or another page at its end, and does a login "
            "page want a --token?"
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A server that sends us elsewhere is not the API: it has a login page."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Never."""


def _get(url: str, token: str | None, deadline_s: float) -> tuple[int, str, bytes]:
    proxy, scheme = proxy_of(url), urllib.parse.urlsplit(url).scheme
    proxies = {scheme: proxy} if proxy else {}
    opener = urllib.request.build_opener(
        _NoRedirect, urllib.request.ProxyHandler(proxies)
    )
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with opener.open(request, timeout=deadline_s) as answer:
        body = answer.read(_MOST_BYTES)
        return answer.status, answer.headers.get_content_type(), body


def _is_health(body: bytes) -> bool:
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    # An empty object is one whose only field has its default.
    return isinstance(answer, dict) and (not answer or bool(_KNOWN_KEYS & set(answer)))


def _told(content_type: str, body: bytes) -> str:
    start = body[:500].lstrip().lower()
    if not body:
        return "an empty page"
    if start.startswith((b"<!doctype html", b"<html")) or content_type == "text/html":
        return "an HTML page (a login page?)"
    return f"something else, {quoted(body[:80].decode(errors='replace'))},"


def _refused(url: str, error: urllib.error.HTTPError) -> SubmitError:
    if 300 <= error.code < 400:
        place = quoted(error.headers.get("Location", "nowhere"))
        return SubmitError(
            f"{url} answers {error.code} and sends us on to {place}: a login page, or "
            "another address. Give a --token, or that address as --host."
        )
    if error.code in (401, 403):
        advice = "does it want a --token, or another one?"
    elif error.code == 404:
        advice = (
            "is this a Kubeflow Pipelines server of version 2 or later, and is --host "
            "right, without /pipeline or another page at its end?"
        )
    else:
        advice = "is this a Kubeflow Pipelines server of version 2 or later?"
    return SubmitError(f"{url} answers {error.code} {quoted(error.reason)}: {advice}")


def _no_answer(host: str, error: Exception) -> SubmitError:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        advice = (
            "Does it speak https there, and is its certificate one that this machine "
            "trusts (SSL_CERT_FILE names others)?"
        )
        return SubmitError(f"No TLS with {host}: {quoted(str(reason))}. {advice}")
    told = str(reason) or type(reason).__name__
    told = told if told.isprintable() and len(told) < 200 else quoted(told)
    return SubmitError(
        f"No Kubeflow Pipelines server answers at {host} ({told}). From outside the "
        "cluster, open a way first:\n"
        "  kubectl -n kubeflow port-forward service/ml-pipeline 8888"
    )
