"""What OPA says of itself, by opa-python-client: which revision it serves, and why it refused another.

One attempt for each question (`retries=0`): whoever waits for OPA asks again and says so. The path of a call does not use
this client (adapters/policy/opa.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from opa_client.opa_async import AsyncOpaClient

from gateway_addons.adapters.policy.opa_config import BUNDLE
from gateway_addons.core.errors import PolicyUnavailable

_NOT_REACHED = ("request failed", "server replied with")
"""How OPA's messages begin when it did not get a bundle at all."""


@dataclass(frozen=True, slots=True)
class BundleStatus:
    """The bundle in OPA: `active` is the revision that answers, `problem` what went wrong with the last request for one."""

    active: str | None
    problem: str | None
    activated_at: str | None
    requested_at: datetime | None

    def refused_since(self, moment: datetime) -> str | None:
        """Why OPA refused a bundle that it asked for after `moment`; None when it did not, or could not reach the server."""
        if self.problem is None or self.requested_at is None or self.requested_at < moment:
            return None
        return None if self.problem.startswith(_NOT_REACHED) else self.problem


class OpaAdministration:
    """Asks the OPA at `unix:///path` or `http://host:port`."""

    def __init__(self, address: str, timeout_s: float = 3.0) -> None:
        self._address = address
        self._timeout_s = timeout_s

    async def status(self) -> BundleStatus:
        """Which revision is active, and what went wrong last. Raises `PolicyUnavailable` when OPA does not say."""
        try:
            async with self._client() as client:
                answer = await client.get_status()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as e:
            raise PolicyUnavailable(f"OPA does not tell its status: {type(e).__name__}: {e}") from e
        return read_status(answer)

    def _client(self) -> AsyncOpaClient:
        if self._address.startswith("unix://"):
            return _UnixClient(self._address.removeprefix("unix://"), self._timeout_s)
        host, _, port = self._address.removeprefix("http://").rstrip("/").rpartition(":")
        return AsyncOpaClient(host=host, port=int(port), retries=0, timeout=self._timeout_s)


class _UnixClient(AsyncOpaClient):  # type: ignore[misc]
    """The client knows TCP only; OPA listens on a unix socket, so that file permissions guard it."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__(host="opa", port=80, retries=0, timeout=timeout_s)
        self._path = path

    async def _init_session(self) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._path),
                                              timeout=aiohttp.ClientTimeout(total=self.timeout))


def read_status(answer: Any) -> BundleStatus:
    """The bundle's part of `GET /v1/status`. Raises `PolicyUnavailable` for anything else."""
    try:
        result = answer.get("result", answer)
        bundle = result.get("bundles", {}).get(BUNDLE, {})
        message = bundle.get("message") if bundle.get("code") else None
        details = "; ".join(str(e.get("message", e)) if isinstance(e, dict) else str(e) for e in bundle.get("errors") or [])
        problem = ": ".join(part for part in (message, details) if part) or None
        asked = bundle.get("last_request")
        return BundleStatus(bundle.get("active_revision") or None, problem, bundle.get("last_successful_activation"),
                            datetime.fromisoformat(asked) if asked else None)
    except (AttributeError, TypeError, ValueError) as e:
        raise PolicyUnavailable("OPA's status is not what OPA says") from e
