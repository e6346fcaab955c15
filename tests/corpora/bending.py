"""Well-formed requests, and how a case bends them. Placeholders are those of `poterne replay`."""

from gateway_addons.replay.case import Case, Expectation

LOTS = "/infinoe/v1/ecritures/comptables"
FIELDS = {"Host": "{{HOST}}", "Authorization": "Bearer {{TOKEN}}", "X-Correlation-ID": "{{CORRELATION_ID}}",
          "ID_Teleservice": "{{ID_TELESERVICE}}", "Content-Type": "application/json", "Content-Length": "{{CONTENT_LENGTH}}"}
LOT = b"{{LOT}}"
CHUNKED = "Transfer-Encoding: chunked"


def head(line: str = f"POST {LOTS} HTTP/1.1", *more: str, without: tuple[str, ...] = (), end: str = "\r\n") -> bytes:
    """A head with these lines more and those fields less, in Latin-1."""
    fields = [f"{k}: {v}" for k, v in FIELDS.items() if k not in without]
    return (end.join([line, *fields, *more]) + end + end).encode("latin-1")


def post(*more: str, without: tuple[str, ...] = (), line: str = f"POST {LOTS} HTTP/1.1", body: bytes = LOT) -> bytes:
    """A whole request that would be forwarded, but for what is bent."""
    return head(line, *more, without=without) + body


def chunked(body: bytes, *more: str) -> bytes:
    """A request whose body is framed by the case itself."""
    return head(f"POST {LOTS} HTTP/1.1", CHUNKED, *more, without=("Content-Length",)) + body


def sized(body: bytes, line: str = f"POST {LOTS} HTTP/1.1") -> bytes:
    """A request that says its own length, so that others may follow it; `body` has no placeholder."""
    return post(f"Content-Length: {len(body)}", without=("Content-Length",), line=line, body=body)


def refused(name: str, raw: bytes, status: int = 400, code: str | None = "INF-REQ-01", answers: int | None = 1, what: str = "") -> Case:
    """Must be refused with this code, and nothing of it may reach the backend."""
    return Case(name, raw, Expectation(verdict="refused", status=status, code=code, answers=answers, forwarded=0), what)


def forwarded(name: str, raw: bytes, answers: int = 1, calls: int | None = None, what: str = "") -> Case:
    """Must reach the backend as it was sent."""
    return Case(name, raw, Expectation(verdict="forwarded", status=201, answers=answers, forwarded=answers if calls is None else calls), what)
