"""`poterne replay` as a person or a pipeline uses it, against the real gate."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from gateway_addons.replay.case import Case, CaseError, Expectation, fill, read_case, write_case
from gateway_addons.replay.judge import Column, judge
from gateway_addons.replay.recorded import read_flows, read_har
from gateway_addons.replay.send import Received
from tests.corpora.bending import LOTS, forwarded, post, refused
from tests.support.rig import LOT, ROOT, Rig, running_rig
from tests.support.servers import free_port


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


async def replay(rig: Rig, folder: Path, *more: str) -> Done:
    """The command, in a process of its own."""
    (folder / "lot.json").write_text(json.dumps(LOT))
    (folder / "token").write_text("a.b.c\n")
    command = ["replay", *more, "--gateway", "https://localhost:443", "--address", f"127.0.0.1:{rig.port}", "--certificate", str(rig.good[0]), "--key", str(rig.good[1]),
               "--authority", str(rig.server_ca), "--token-file", str(folder / "token"), "--lot-file", str(folder / "lot.json"), "--identifier", "TS-1", "--timeout", "8"]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway_addons", *command, stdout=PIPE, stderr=PIPE, cwd=ROOT)
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())


async def test_a_folder_of_cases_with_table_json_and_junit(tmp_path: Path) -> None:
    cases, port = tmp_path / "cases", free_port()
    for case in (refused("paths/query", post(line=f"POST {LOTS}?a=b HTTP/1.1"), code="INF-REQ-03"), forwarded("good/lot", post()),
                 refused("wrong/expectation", post(), what="a good lot, for once expected to be refused")):
        write_case(cases, case)
    async with running_rig(tmp_path, backend_port=port) as rig:
        done = await replay(rig, tmp_path, str(cases), "--backend-tap", f"127.0.0.1:{port}", "--junit", str(tmp_path / "junit.xml"))
        assert done.exit_code == 1, done.stderr
        assert "wrong/expectation" in done.stdout
        suite = Xml.parse(tmp_path / "junit.xml").getroot()
        assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
        (cases / "wrong/expectation.http").unlink()
        done = await replay(rig, tmp_path, str(cases), "--backend-tap", f"127.0.0.1:{port}", "--json")
        document: dict[str, Any] = json.loads(done.stdout)
        assert done.exit_code == 0
        assert document["columns"]["refused"] == document["columns"]["forwarded identically"] == 1
        assert document["strays"] == []
        assert [r["forwarded"] for r in document["results"]] == [1, 0]


async def test_without_a_tap_it_says_that_nobody_watched(tmp_path: Path) -> None:
    write_case(tmp_path / "cases", forwarded("good/lot", post()))
    async with running_rig(tmp_path) as rig:
        done = await replay(rig, tmp_path, str(tmp_path / "cases"))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "nobody watched the backend" in done.stdout


HAR = {"log": {"entries": [
    {"request": {"method": "POST", "url": "https://gw.example" + LOTS, "headers": [{"name": "Host", "value": "gw.example"}, {"name": "Authorization", "value": "Bearer secret"},
     {"name": ":method", "value": "POST"}, {"name": "X-Correlation-ID", "value": "1"}, {"name": "ID_Teleservice", "value": "x"}, {"name": "Content-Type", "value": "application/json"},
     {"name": "Content-Length", "value": "3"}, {"name": "Connection", "value": "x"}], "postData": {"text": json.dumps(LOT)}}},
    {"request": {"method": "GET", "url": "https://gw.example/infinoe/v1/etatSante?x=1", "headers": []}}]}}


async def test_har_and_flow_files(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "a.har").write_text(json.dumps(HAR))
    flow = tflow.tflow(req=http.Request.make("POST", "https://gw.example" + LOTS, json.dumps(LOT), http.Headers(
        content_type="application/json", x_correlation_id="1", authorization="Bearer secret")))
    flow.request.headers["ID_Teleservice"] = "x"
    with (tmp_path / "a.flows").open("wb") as stream:
        FlowWriter(stream).add(flow)
    async with running_rig(tmp_path, backend_port=port) as rig:
        done = await replay(rig, tmp_path, str(tmp_path / "a.har"), str(tmp_path / "a.flows"), "--backend-tap", f"127.0.0.1:{port}", "--json")
        assert done.exit_code == 0, done.stdout + done.stderr
        assert [(r["name"], r["column"], r["status"], r["code"]) for r in json.loads(done.stdout)["results"]] == [
            ("a-0", "forwarded identically", 201, None), ("a-0", "forwarded identically", 201, None), ("a-1", "refused", 400, "INF-REQ-03")]
    assert b"secret" not in b"".join(c.raw for c in read_har(tmp_path / "a.har")) + b"".join(c.raw for c in read_flows(tmp_path / "a.flows"))


@pytest.mark.parametrize(("name", "text"), [("x.har", "{}"), ("x.har", "nonsense"), ("x.har", '{"log":{"entries":[{}]}}'), ("x.flows", "nonsense")])
def test_what_is_no_recording_is_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CaseError, match=name):
        list((read_har if name.endswith(".har") else read_flows)(tmp_path / name))


async def test_a_placeholder_that_nobody_knows_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.http").write_text("POST {{NOBODY_KNOWS}} HTTP/1.1\r\n\r\n")
    async with running_rig(tmp_path) as rig:
        done = await replay(rig, tmp_path, str(tmp_path / "x.http"))
    assert done.exit_code == 2
    assert "NOBODY_KNOWS" in done.stderr


def test_placeholders() -> None:
    pieces = fill(b"POST / HTTP/1.1\r\nHost: {{HOST}}\r\nContent-Length: {{CONTENT_LENGTH}}\r\n{{PAUSE:0.5}}\r\nab{{PAUSE:99}}{{HOST}}", {"HOST": b"h"})
    assert [(p.pause_s, p.data) for p in pieces] == [
        (0.0, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"), (0.5, b"\r\nab"), (10.0, b"h")]


def test_a_wrong_sidecar_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.http").write_bytes(b"x")
    (tmp_path / "a.yaml").write_text("expect: {verdict: perhaps}")
    with pytest.raises(CaseError):
        read_case(tmp_path / "a.http")


SENT = b'POST /a HTTP/1.1\r\nHost: h\r\nX-Correlation-ID: i\r\nContent-Length: 2\r\n\r\n{}'
ARRIVED = (b"POST /a HTTP/1.1\r\nHost: b\r\nX-Correlation-ID: i\r\nX-Request-ID: r\r\nX-JWT-Assertion: e30.eyJodG0iOiJQT1NUIiwiaHR1IjoiL2EiLCJib2R5X3NoYTI1NiI6IjQ0MTM2ZmEzNTViMzY3OGExMTQ2YWQxNmY3ZTg2NDllOTRm"
           b"YjRmYzIxZmU3N2U4MzEwYzA2MGY2MWNhYWZmOGEiLCJjb3JyZWxhdGlvbklkIjoiaSJ9.s\r\nContent-Length: 2\r\nContent-Digest: sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:\r\n\r\n{}")
PASSED = (b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", b"")
JUDGED: list[tuple[str, bytes, Received, tuple[bytes, ...], Column]] = [
    ("as it must be", SENT, Received([PASSED]), (ARRIVED,), Column.FORWARDED),
    ("another body", SENT, Received([PASSED]), (ARRIVED.replace(b"{}", b"[]"),), Column.CHANGED),
    ("another path", SENT, Received([PASSED]), (ARRIVED.replace(b"POST /a", b"POST /b"),), Column.CHANGED),
    ("another method", SENT, Received([PASSED]), (ARRIVED.replace(b"POST /a", b"PUT /a"),), Column.CHANGED),
    ("a header more", SENT, Received([PASSED]), (ARRIVED.replace(b"Host", b"Cookie: a\r\nHost"),), Column.CHANGED),
    ("another digest", SENT, Received([PASSED]), (ARRIVED.replace(b"RBN", b"RBM"),), Column.CHANGED),
    ("no digest", SENT, Received([PASSED]), (ARRIVED.replace(b"Content-Digest", b"X-Request-ID"),), Column.CHANGED),
    ("no assertion", SENT, Received([PASSED]), (ARRIVED.replace(b"X-JWT-Assertion", b"X-Request-ID"),), Column.CHANGED),
    ("an assertion for another path", SENT.replace(b"/a", b"/b"), Received([PASSED]), (ARRIVED.replace(b"POST /a", b"POST /b"),), Column.CHANGED),
    ("two requests in one", SENT, Received([PASSED]), (ARRIVED + ARRIVED,), Column.CHANGED),
    ("forwarded twice", SENT, Received([PASSED]), (ARRIVED, ARRIVED), Column.OTHERWISE),
    ("passed, but the backend saw nothing", SENT, Received([PASSED]), (), Column.OTHERWISE),
    ("refused, and forwarded all the same", SENT, Received([(b"HTTP/1.1 400 X\r\n\r\n", b'{"erreur":{"code":"INF-REQ-01"}}')]), (ARRIVED,), Column.OTHERWISE),
    ("refused with a code nobody knows", SENT, Received([(b"HTTP/1.1 400 X\r\n\r\n", b'{"erreur":{"code":"X-1"}}')]), (), Column.OTHERWISE),
    ("closed", SENT, Received(closed=True), (), Column.CLOSED),
    ("closed, and forwarded", SENT, Received(closed=True), (ARRIVED,), Column.OTHERWISE),
    ("half an answer", SENT, Received(rest=b"HTTP/1.1 2"), (), Column.OTHERWISE),
    ("too late", SENT, Received(timed_out=True), (), Column.LATE),
    ("a banner", SENT, Received([(b"HTTP/1.1 400 X\r\nServer: mitmproxy 12\r\n\r\n", b"")]), (), Column.LEAK),
    ("a stack trace", SENT, Received([(b"HTTP/1.1 500 X\r\n\r\n", b"Traceback (most recent call last)")]), (), Column.LEAK),
]


@pytest.mark.parametrize(("sent", "received", "arrived", "column"), [pytest.param(*row[1:], id=row[0]) for row in JUDGED])
def test_the_judge(sent: bytes, received: Received, arrived: tuple[bytes, ...], column: Column) -> None:
    assert judge(Case("x", sent, Expectation()), sent, received, arrived).column is column
