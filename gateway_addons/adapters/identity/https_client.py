"""One small HTTP client for an external authorization server: bounded in time and bytes, no redirect, own authorities."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from gateway_addons.core.errors import DependencyFailure


class ServerSilent(DependencyFailure):
    """The external authorization server gave no usable answer."""


class HttpsClient:
    """Opened by its first question; every question is one attempt."""

    def __init__(self, ca_file: Path | None, timeout_s: float) -> None:
        """Raises `OSError` or `ssl.SSLError` when the authorities cannot be used."""
        self._tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, url: str, *, max_bytes: int, form: Mapping[str, str] | None = None,
                  basic: tuple[str, str] | None = None) -> bytes:
        """The body of a 200 answer. Raises `ServerSilent` for everything else."""
        headers = {"Accept": "application/json"} | ({"Authorization": aiohttp.encode_basic_auth(*basic)} if basic else {})
        try:
            async with self._opened().request(method, url, data=form, allow_redirects=False, ssl=self._tls,
                                              headers=headers) as answer:
                if answer.status != 200:
                    raise ServerSilent(f"{url}: status {answer.status}")
                body = await answer.content.read(max_bytes + 1)
                while len(body) <= max_bytes and not answer.content.at_eof():
                    body += await answer.content.read(max_bytes + 1 - len(body))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as e:
            raise ServerSilent(f"{url}: {type(e).__name__}") from e
        if len(body) > max_bytes:
            raise ServerSilent(f"{url}: more than {max_bytes} bytes")
        return body

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        return self._session

    async def close(self) -> None:
        """Give the connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
