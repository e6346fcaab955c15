"""One call and what came of it, whichever client makes it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Client = Literal["curl", "httpx"]
TIMEOUT_S = 60.0

_ALERT = re.compile(r"alert[ _]([a-z]+(?:[ _][a-z]+)*)", re.IGNORECASE)
_NOT_THE_ALERT = re.compile(r"\s+(?:number|errno)\b.*$")


@dataclass(frozen=True)
class Request:
    """A call to make. `headers` may repeat a name; `source` is the local address to call from."""

    url: str
    method: str
    ca_file: Path
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    certificate: tuple[Path, Path] | None = None
    source: str | None = None
    tls12: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back: an HTTP answer, or how the connection failed."""

    client: Client
    ms: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str | None = None

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one when it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def code(self) -> str:
        """The codes in the body: of the API's error, of OAuth's (RFC 6749 section 5.2), of problem+json; empty without."""
        document = self.json()
        error = document.get("erreur")
        if isinstance(error, dict):
            return str(error.get("code", ""))
        return " ".join(str(document[name]) for name in ("error", "code") if name in document)

    def __str__(self) -> str:
        """`403 INF-DRT-04`, `TLS alert: certificate expired`, or how the connection failed."""
        if self.status is not None:
            return f"{self.status} {self.code}".strip()
        return described(self.failure or "no answer")


def described(failure: str) -> str:
    """A TLS alert by its name, whatever the client calls it; any other failure in its own words."""
    found = _ALERT.search(failure)
    if found is None:
        return failure.splitlines()[0] if failure else "no answer"
    name = found[1].lower().replace("_", " ")
    return f"TLS alert: {_NOT_THE_ALERT.sub('', name)}"
