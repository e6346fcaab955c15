"""Does a backend answer? Asked by the operator's window only."""

import aiohttp

from gateway_addons.core.errors import DependencyFailure


class BackendHealth:
    """Asks `path` of one backend."""

    def __init__(self, url: str, path: str = "/health/live") -> None:
        self._url = url.rstrip("/") + path
        self._timeout = aiohttp.ClientTimeout(total=2)

    async def healthy(self) -> None:
        """Raises `DependencyFailure` when the backend does not answer 200."""
        try:
            async with aiohttp.ClientSession(timeout=self._timeout) as session, session.get(self._url) as response:
                if response.status != 200:
                    raise DependencyFailure(f"the backend's health is {response.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as e:
            raise DependencyFailure(f"the backend does not answer: {type(e).__name__}") from e
