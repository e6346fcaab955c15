"""Requests that the engine by itself would forward, and the gate refuses: one row for each, sent as bytes over real TLS."""

import json
from typing import Any

import pytest

from tests.support.rig import CORRELATION_ID, LOT, Rig, request

PATH = "/infinoe/v1/ecritures/comptables"
TAIL = f"Host: localhost\r\nX-Correlation-ID: {CORRELATION_ID}\r\n"


IN_CHUNKS = f"{len(json.dumps(LOT)):x}\r\n{json.dumps(LOT)}\r\n0\r\n\r\n".encode()


def code_of(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)["erreur"]["code"] if body else ""


def raw(line: str, headers: str = TAIL) -> bytes:
    return f"{line}\r\n{headers}\r\n".encode("latin-1")


REFUSED: list[tuple[str, bytes, tuple[int, str]]] = [
    ("method of odd token characters", request("G@T("), (400, "INF-REQ-01")),
    ("TRACE", request("TRACE"), (400, "INF-REQ-02")),
    ("CONNECT", raw("CONNECT localhost:443 HTTP/1.1"), (400, "INF-REQ-02")),
    ("lower-case method", request("post"), (400, "INF-REQ-02")),
    ("unknown method", request("BREW"), (400, "INF-REQ-02")),
    ("HTTP/0.9", raw("GET /"), (400, "INF-REQ-01")),
    ("HTTP/1.0", raw(f"POST {PATH} HTTP/1.0"), (400, "INF-REQ-02")),
    ("HTTP/9.9", raw(f"POST {PATH} HTTP/9.9"), (400, "INF-REQ-02")),
    ("lower-case version", raw(f"POST {PATH} http/1.1"), (400, "INF-REQ-02")),
    ("two spaces in the request line", raw(f"POST  {PATH} HTTP/1.1"), (400, "INF-REQ-01")),
    ("tab in the request line", raw(f"POST\t{PATH} HTTP/1.1"), (400, "INF-REQ-01")),
    ("white space after the version", raw(f"POST {PATH} HTTP/1.1 "), (400, "INF-REQ-01")),
    ("leading CRLF", b"\r\n" + request(), (400, "INF-REQ-01")),
    ("OPTIONS *", raw("OPTIONS * HTTP/1.1"), (400, "INF-REQ-03")),
    ("absolute-form target", request(path="https://localhost" + PATH), (400, "INF-REQ-03")),
    ("authority in the target", request(path="//evil.example" + PATH), (400, "INF-REQ-03")),
    ("fragment", request(path=PATH + "#x"), (400, "INF-REQ-03")),
    ("query", request(path=PATH + "?a=b"), (400, "INF-REQ-03")),
    ("empty query", request(path=PATH + "?"), (400, "INF-REQ-03")),
    ("dot segment", request(path="/infinoe/v1/./ecritures/comptables"), (400, "INF-REQ-03")),
    ("dot-dot segment", request(path="/infinoe/v1/x/../ecritures/comptables"), (400, "INF-REQ-03")),
    ("encoded dot", request(path="/infinoe/v1/%2e/ecritures/comptables"), (400, "INF-REQ-03")),
    ("encoded slash", request(path="/infinoe/v1%2fecritures/comptables"), (400, "INF-REQ-03")),
    ("double encoding", request(path="/infinoe/v1/%252e%252e/ecritures"), (400, "INF-REQ-03")),
    ("double slash", request(path="/infinoe//v1/ecritures/comptables"), (400, "INF-REQ-03")),
    ("trailing slash", request(path=PATH + "/"), (400, "INF-REQ-03")),
    ("matrix parameter", request(path=PATH + ";v=1"), (400, "INF-REQ-03")),
    ("backslash", request(path="\\infinoe\\v1"), (400, "INF-REQ-03")),
    ("raw high byte in the path", raw(f"POST {PATH}\xe9 HTTP/1.1"), (400, "INF-REQ-03")),
    ("NUL in the path", raw(f"POST {PATH}\0 HTTP/1.1"), (400, "INF-REQ-01")),
    ("NUL in a value", request(headers=(("X-A", "a\0b"),)), (400, "INF-REQ-01")),
    ("bare CR in a value", request(headers=(("X-A", "a\rb"),)), (400, "INF-REQ-01")),
    ("bare LF in a value", request(headers=(("X-A", "a\nX-B: b"),)), (400, "INF-REQ-01")),
    ("bare LF ends the lines", b"POST / HTTP/1.1\nHost: localhost\n\n", (400, "INF-REQ-01")),
    ("raw high byte in a value", request(headers=(("X-A", "é"),)), (400, "INF-REQ-01")),
    ("folded line", request(headers=(("X-A", "a\r\n b"),)), (400, "INF-REQ-01")),
    ("space before the colon", request(headers=(("X-A ", "a"),)), (400, "INF-REQ-01")),
    ("no colon", raw(f"POST {PATH} HTTP/1.1", TAIL + "nonsense\r\n"), (400, "INF-REQ-01")),
    ("empty header name", raw(f"POST {PATH} HTTP/1.1", TAIL + ": a\r\n"), (400, "INF-REQ-01")),
    ("Host absent", request(without=("Host",)), (400, "INF-REQ-04")),
    ("Host twice", request(headers=(("Host", "localhost"),)), (400, "INF-REQ-04")),
    ("Host of another", request(without=("Host",), headers=(("Host", "evil.example"),)), (400, "INF-REQ-04")),
    ("Host that is not the SNI", request(without=("Host",), headers=(("Host", "127.0.0.1"),)), (400, "INF-REQ-04")),
    ("Host with junk", request(without=("Host",), headers=(("Host", "localhost@evil"),)), (400, "INF-REQ-04")),
    ("Host with an absurd port", request(without=("Host",), headers=(("Host", "localhost:99999"),)), (400, "INF-REQ-04")),
    ("Upgrade", request(headers=(("Upgrade", "websocket"), ("Connection", "Upgrade"))), (400, "INF-REQ-05")),
    ("Connection names a header", request(headers=(("Connection", "close, X-Correlation-ID"),)), (400, "INF-REQ-05")),
    ("TE", request(headers=(("TE", "trailers"),)), (400, "INF-REQ-05")),
    ("HTTP2-Settings", request(headers=(("HTTP2-Settings", "AAA"),)), (400, "INF-REQ-05")),
    ("Content_Length", request(headers=(("Content_Length", "5"),)), (400, "INF-REQ-05")),
    ("twin of ID_Teleservice", request(headers=(("ID-Teleservice", "TS-2"),)), (400, "INF-REQ-05")),
    ("forged assertion", request(headers=(("X-JWT-Assertion", "x"),)), (400, "INF-REQ-05")),
    ("Authorization twice", request(headers=(("Authorization", "Bearer x.y.z"),)), (400, "INF-REQ-05")),
    ("If-Match twice", request(headers=(("If-Match", '"1"'), ("If-Match", '"2"'))), (400, "INF-REQ-05")),
    ("method override", request(headers=(("X-HTTP-Method-Override", "DELETE"),)), (400, "INF-REQ-05")),
    ("Expect of something else", request(headers=(("Expect", "200-ok"),)), (400, "INF-REQ-05")),
    ("Content-Length twice", request(headers=(("Content-Length", "5"),)), (400, "INF-REQ-01")),
    ("Content-Length with a sign", request(without=("Content-Length",), headers=(("Content-Length", "+5"),)),
     (400, "INF-REQ-01")),
    ("Content-Length list", request(without=("Content-Length",), headers=(("Content-Length", "5, 5"),)), (400, "INF-REQ-01")),
    ("both framings", request(headers=(("Transfer-Encoding", "chunked"),)), (400, "INF-REQ-01")),
    ("odd Transfer-Encoding", request(without=("Content-Length",), headers=(("Transfer-Encoding", "gzip, chunked"),)),
     (400, "INF-REQ-01")),
    ("odd Transfer-Encoding over chunks", request(body=IN_CHUNKS, without=("Content-Length",), headers=(("Transfer-Encoding", "identity"),)),
     (400, "INF-REQ-01")),
    ("both framings over chunks", request(body=IN_CHUNKS, headers=(("Transfer-Encoding", "chunked"),)), (400, "INF-REQ-01")),
    ("unknown path", request(path="/infinoe/v2/ecritures/comptables"), (404, "INF-REQ-09")),
    ("case of the path", request(path="/infinoe/v1/Ecritures/comptables"), (404, "INF-REQ-09")),
    ("correlation id absent", request(without=("X-Correlation-ID",)), (400, "910000")),
    ("correlation id malformed", request(without=("X-Correlation-ID",), headers=(("X-Correlation-ID", "1"),)), (400, "910000")),
    ("correlation id twice", request(headers=(("X-Correlation-ID", CORRELATION_ID),)), (400, "910000")),
    ("compressed body", request(headers=(("Content-Encoding", "gzip"),)), (415, "INF-REQ-08")),
    ("other content type", request(without=("Content-Type",), headers=(("Content-Type", "text/plain"),)), (415, "INF-REQ-08")),
    ("other charset", request(without=("Content-Type",), headers=(("Content-Type", "application/json; charset=utf-16"),)),
     (415, "INF-REQ-08")),
    ("body announced too large", request(without=("Content-Length",), headers=(("Content-Length", "99999999999"),)),
     (413, "INF-REQ-07")),
    ("too many headers", request(headers=tuple((f"X-{n}", "a") for n in range(80))), (431, "INF-REQ-06")),
    ("headers too long", request(headers=(("X-A", "a" * 20000),)), (431, "INF-REQ-06")),
    ("endless head", b"POST /" + b"a" * 40000, (431, "INF-REQ-06")),
    ("chunked body with trailers", request(body=b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", without=("Content-Length",),
                                           headers=(("Transfer-Encoding", "chunked"),)), (400, "INF-REQ-01")),
    ("chunk of nonsense", request(body=b"zz\r\n{}\r\n0\r\n\r\n", without=("Content-Length",),
                                  headers=(("Transfer-Encoding", "chunked"),)), (400, "INF-REQ-01")),
    ("body on etatSante", request("GET", "/infinoe/v1/etatSante"), (400, "INF-REQ-05")),
]


@pytest.mark.parametrize(("sent", "expected"), [pytest.param(s, e, id=name) for name, s, e in REFUSED])
async def test_refused_with_a_code_and_never_forwarded(rig: Rig, sent: bytes, expected: tuple[int, str]) -> None:
    answer = await rig.send(sent)
    assert code_of(answer) == expected
    assert rig.backend.received == []
    assert [r["codeErreur"] for r in rig.journal.records] == [expected[1]]
    assert b"mitmproxy" not in answer
    assert b"Traceback" not in answer


READ_ONLY = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]


@pytest.mark.parametrize("method", READ_ONLY)
async def test_other_methods_are_405_with_allow(rig: Rig, method: str) -> None:
    answer = await rig.send(request(method))
    head = answer.partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: POST\r\n" in head
    assert rig.backend.received == []


async def test_what_is_forwarded_is_rebuilt_from_a_short_list(rig: Rig) -> None:
    noise = (("X-Forwarded-For", "203.0.113.9"), ("Cookie", "a=b"), ("User-Agent", "x"), ("X-Request-ID", "forged"),
             ("If-Match", '"3"'))
    answer = await rig.send(request(headers=noise))
    assert answer.startswith(b"HTTP/1.1 201 ")
    head = rig.backend.received[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    names = sorted(line.split(":")[0].lower() for line in head[1:])
    assert names == ["content-digest", "content-length", "content-type", "host", "if-match", "x-correlation-id", "x-jwt-assertion", "x-request-id"]
    assert "X-Request-ID: forged" not in head


async def test_the_backends_banners_stay_inside(rig: Rig) -> None:
    answer = (await rig.send(request())).lower()
    assert b"secret-banner" not in answer
    assert b"x-powered-by" not in answer


async def test_chunked_body_is_forwarded_with_its_length(rig: Rig) -> None:
    body = json.dumps({"organisme": {"siret": "13099990700012"}, "budget": {"type": "BP", "code": "01"}, "exercice": 2026,
                       "periode": "2026-03", "flux": "comptable", "ecritures": [{}]}).encode()
    chunks = b"5\r\n" + body[:5] + b"\r\n" + f"{len(body) - 5:x}".encode() + b"\r\n" + body[5:] + b"\r\n0\r\n\r\n"
    answer = await rig.send(request(body=chunks, without=("Content-Length",), headers=(("Transfer-Encoding", "chunked"),)))
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert f"content-length: {len(body)}".encode() in rig.backend.received[0].lower()
    assert b"transfer-encoding" not in rig.backend.received[0].lower()
    assert rig.backend.received[0].endswith(body)


LANGUAGES: list[tuple[str, str, str]] = [("", "fr", "Ressource"), ("en", "en", "Unknown"), ("fr, en;q=0.5", "fr", "Ressource"),
                                         ("en-GB, fr;q=0.2", "en", "Unknown"), ("de", "fr", "Ressource")]


@pytest.mark.parametrize(("accepted", "language", "begins"), LANGUAGES)
async def test_language_of_the_message(rig: Rig, accepted: str, language: str, begins: str) -> None:
    headers = (("Accept-Language", accepted),) if accepted else ()
    answer = await rig.send(request(path="/nowhere", headers=headers))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Language: {language}".encode() in head
    assert json.loads(body)["erreur"]["message"].startswith(begins)


async def test_problem_json_when_asked_for(rig: Rig) -> None:
    answer = await rig.send(request(path="/nowhere", headers=(("Accept", "application/problem+json"),)))
    head, _, body = answer.partition(b"\r\n\r\n")
    document: dict[str, Any] = json.loads(body)
    assert b"Content-Type: application/problem+json" in head
    assert (document["status"], document["code"]) == (404, "INF-REQ-09")
