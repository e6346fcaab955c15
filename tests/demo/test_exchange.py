"""What the tour understands of an answer, and how curl is told what to do."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.tour import curl
from deploy.demo.tour.exchange import Answer, Request, described
from deploy.demo.tour.library import Library
from deploy.demo.tour.stage import Row
from deploy.setup.layout import find_command


@pytest.mark.parametrize(("failure", "told"), [
    ("curl: (56) OpenSSL SSL_read: OpenSSL/3.0.19: error:0A000415:SSL routines::sslv3 alert certificate expired, errno 0",
     "TLS alert: certificate expired"),
    ("curl: (56) OpenSSL SSL_read: error:1409445C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required, errno 0",
     "TLS alert: certificate required"),
    ("curl: (56) OpenSSL SSL_read: OpenSSL/3.0.19: error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0",
     "TLS alert: unknown ca"),
    ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required (_ssl.c:2590)", "TLS alert: certificate required"),
    ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate (_ssl.c:2590)", "TLS alert: bad certificate"),
    ("curl: (28) Operation timed out after 60001 milliseconds with 0 bytes received\nmore",
     "curl: (28) Operation timed out after 60001 milliseconds with 0 bytes received"),
    ("", "no answer"),
])
def test_a_failed_connection_is_told_in_one_way_for_all_clients(failure: str, told: str) -> None:
    assert described(failure) == told


@pytest.mark.parametrize(("answer", "told"), [
    (Answer("curl", 1.0, 201, body=b'{"accuse": {"numeroAccuse": "INF-1"}}'), "201"),
    (Answer("curl", 1.0, 403, body=b'{"erreur": {"code": "INF-DRT-04", "message": "", "horodatage": ""}}'), "403 INF-DRT-04"),
    (Answer("curl", 1.0, 401, body=b'{"error": "invalid_client", "code": "INF-CLI-01"}'), "401 invalid_client INF-CLI-01"),
    (Answer("curl", 1.0, 400, body=b'{"status": 400, "code": "INF-IDT-01"}'), "400 INF-IDT-01"),
    (Answer("curl", 1.0, 502, body=b"<html>"), "502"),
    (Answer("curl", 1.0, 200, body=b"[1]"), "200"),
    (Answer("curl", 1.0, failure="x alert unknown ca"), "TLS alert: unknown ca"),
    (Answer("curl", 1.0), "no answer"),
])
def test_an_answer_is_told_by_status_and_code(answer: Answer, told: str) -> None:
    assert str(answer) == told


def test_a_row_is_as_expected_when_both_texts_are_the_same() -> None:
    assert Row("s", "w", "curl", "201", "201", 1.0).same
    assert not Row("s", "w", "curl", "201", "201, 0 entries more", 1.0).same


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it received."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = f"{self.client_address[0]} {self.path} {self.headers.get_all('X-Twice')} {self.headers.get('Expect')} ".encode()
        self.send_response(418)
        self.send_header("X-Back", 'a "quoted" value')
        self.send_header("Content-Length", str(len(sent + body)))
        self.end_headers()
        self.wfile.write(sent + body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def echo() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("client", ["curl", "httpx"])
def test_both_clients_send_what_they_are_told(echo: str, client: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = find_command("curl")
    assert found is not None
    monkeypatch.setattr(curl, "CURL", found)
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    body = b'{"a": "\\"quoted\\" and \\u00e9"}' * 2000
    request = Request(f"{echo}/a/b", "PUT", authority, (("X-Twice", "1"), ("X-Twice", 'with "quotes" and \\')), body,
                      source="127.0.0.2")
    with Library() as library:
        monkeypatch.setattr("deploy.demo.tour.library._context", lambda _: ssl.create_default_context())
        answer = curl.send(request) if client == "curl" else library.send(request)
    assert (answer.status, answer.headers["x-back"]) == (418, 'a "quoted" value')
    assert answer.body == b"127.0.0.2 /a/b ['1', 'with \"quotes\" and \\\\'] None " + body
    assert answer.ms > 0
