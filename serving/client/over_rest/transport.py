"""REST: the way to a server where only HTTP/1.1 passes. Slower for large arrays."""

import time

import httpx

from ..calls import RestAnswer, RestCall, Transport
from ..config import ClientConfig
from .exchange import RestExchange


class RestTransport(Transport[RestCall, RestAnswer]):
    """Connections that are kept and used by all threads.

    `httpx.HTTPTransport` without a `httpx.Client` around it: redirects, cookies and
    hooks have no use here and cost a third of the time of a small request.
    """

    def __init__(self, config: ClientConfig) -> None:
        self._exchange = RestExchange(config, httpx.HTTPTransport)

    def send(self, call: RestCall, timeout_s: float) -> RestAnswer:
        request = self._exchange.request(call, timeout_s)
        connection = self._exchange.connections.take()
        is_usable = False
        try:
            response = connection.handle_request(request)
            content = self._read(response, time.monotonic() + timeout_s)
            is_usable = True
        except (httpx.TransportError, OSError) as error:  # OSError: TLS
            raise self._exchange.transport_error(error, request, timeout_s) from None
        finally:
            for ended in self._exchange.connections.give_back(connection, is_usable):
                ended.close()
        return self._exchange.answer(request, response, content)

    def close(self) -> None:
        """Later calls raise `CancelledError`; those that wait are answered."""
        for connection in self._exchange.connections.drain():
            connection.close()

    def _read(self, response: httpx.Response, deadline_s: float) -> bytes:
        # httpx limits the wait for every piece; a server that trickles could take for
        # ever, so the whole is limited here.
        chunks, size_bytes = [], 0
        try:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size_bytes += len(chunk)
                self._exchange.check_size(size_bytes)
                if time.monotonic() > deadline_s:
                    raise httpx.ReadTimeout("The answer took too long.")
        finally:
            response.close()
        return b"".join(chunks)
