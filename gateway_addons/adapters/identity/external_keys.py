"""The keys of an external authorization server, by URL: fetched aside, kept for a while, never believed past their bound.

No call waits for a fetch. A token that names an unknown key is refused and makes the keys be fetched again, at a bounded
rate, whatever callers send.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from gateway_addons.adapters.identity.https_client import HttpsClient, ServerSilent
from gateway_addons.adapters.identity.public_keys import MAX_SET_BYTES, KeySetError, PublicKeys, read_jwks
from gateway_addons.settings.tokens import External

RETRY_S = 2.0
"""After a fetch that failed."""

log = structlog.get_logger("poterne.identity")


class FetchedKeys:
    """Implements `access_tokens.KeySource`; `run` fetches until it is cancelled."""

    def __init__(self, url: str, settings: External, client: HttpsClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._settings = settings
        self._client = client
        self._clock = clock
        self._keys: PublicKeys | None = None
        self._fetched = 0.0
        self._looked = -settings.unknown_key_s
        self._wanted = asyncio.Event()
        self.alert: str | None = None

    def keys(self, now: datetime) -> PublicKeys | None:
        """The keys that were fetched last; None before the first fetch and past `max_stale_s`."""
        if self._keys is None or self._clock() - self._fetched > self._settings.max_stale_s:
            return None
        return self._keys

    @property
    def last(self) -> PublicKeys | None:
        """The keys that were fetched last, however old; None before the first fetch."""
        return self._keys

    def missed(self, key_id: str) -> None:
        """Fetch soon, unless that was done a moment ago."""
        if self._clock() - self._looked >= self._settings.unknown_key_s:
            self._wanted.set()

    async def fetch(self) -> bool:
        """Fetch once; False when the old keys stay."""
        self._wanted.clear()
        self._looked = self._clock()
        try:
            keys = read_jwks(await self._client.ask("GET", self._url, max_bytes=MAX_SET_BYTES))
        except (ServerSilent, KeySetError) as e:
            if str(e) != self.alert:
                log.error("keys of the authorization server not fetched, the old ones stay for a while", why=str(e))
            self.alert = str(e)
            return False
        if self._keys is None or keys.generation != self._keys.generation:
            log.info("keys of the authorization server taken up", kids=[key.key_id for key in keys.keys])
        self._keys, self._fetched, self.alert = keys, self._clock(), None
        return True

    async def run(self) -> None:
        """Fetch now, then every `refresh_s`, and when an unknown key was named."""
        while True:
            wait_s = self._settings.refresh_s if await self.fetch() else min(RETRY_S, self._settings.refresh_s)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue
