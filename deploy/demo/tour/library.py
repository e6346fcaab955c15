"""Calls made by an HTTP library (httpx), which keeps its connections as a real consumer's software would."""

import ssl
import time
from contextlib import ExitStack

import httpx

from deploy.demo.tour.exchange import TIMEOUT_S, Answer, Request


class Library:
    """One client for each certificate and source address; close it when the tour ends."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._clients: dict[tuple[object, ...], httpx.Client] = {}

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def send(self, request: Request) -> Answer:
        """Make the call."""
        client = self._client(request)
        started = time.perf_counter()
        try:
            answer = client.request(request.method, request.url, headers=list(request.headers), content=request.body)
        except httpx.HTTPError as e:
            return Answer("httpx", (time.perf_counter() - started) * 1000, failure=str(e) or type(e).__name__)
        return Answer("httpx", (time.perf_counter() - started) * 1000, answer.status_code,
                      {name.lower(): value for name, value in answer.headers.items()}, answer.content)

    def _client(self, request: Request) -> httpx.Client:
        key = (request.ca_file, request.certificate, request.source, request.tls12)
        if key not in self._clients:
            transport = httpx.HTTPTransport(verify=_context(request), local_address=request.source)
            client = httpx.Client(transport=transport, trust_env=False, timeout=TIMEOUT_S, headers={"User-Agent": "httpx"})
            self._clients[key] = self._open.enter_context(client)
        return self._clients[key]


def _context(request: Request) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(request.ca_file))
    if request.certificate:
        context.load_cert_chain(*request.certificate)
    if request.tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
