"""Calls made by curl, in a process of its own: a client that shares nothing with the gateway."""

import subprocess
import tempfile
from pathlib import Path

from deploy.demo.place import ROOT
from deploy.demo.tour.exchange import TIMEOUT_S, Answer, Request

CURL = ROOT / ".tools" / "bin" / "curl"
_WRITE_OUT = "%{http_code} %{time_total}"


def send(request: Request) -> Answer:
    """Make the call. Headers go through a configuration on standard input: secrets never stand in a command line."""
    with tempfile.TemporaryDirectory(prefix="poterne-curl-") as folder:
        headers, body, sent = (Path(folder) / name for name in ("headers", "body", "sent"))
        if request.body is not None:
            sent.write_bytes(request.body)
        command = [str(CURL), "--config", "-"]
        done = subprocess.run(command, input=_configuration(request, headers, body, sent).encode(), capture_output=True,
                              timeout=TIMEOUT_S + 10, check=False)
        status, _, seconds = done.stdout.decode("ascii", "replace").partition(" ")
        ms = float(seconds or 0) * 1000
        if done.returncode != 0:
            return Answer("curl", ms, failure=done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}")
        return Answer("curl", ms, int(status), _headers(headers), body.read_bytes() if body.exists() else b"")


def _configuration(request: Request, headers: Path, body: Path, sent: Path) -> str:
    options: list[tuple[str, str | None]] = [
        ("url", request.url), ("cacert", str(request.ca_file)), ("dump-header", str(headers)), ("output", str(body)),
        ("write-out", _WRITE_OUT), ("max-time", f"{TIMEOUT_S:.0f}"), ("proto", "=https,http"), ("noproxy", "*"),
        ("silent", None), ("show-error", None), ("http1.1", None), ("path-as-is", None),
        ("head", None) if request.method == "HEAD" else ("request", request.method),
        *(("header", f"{name}: {value}") for name, value in (*request.headers, ("Expect", ""))),
    ]
    if request.certificate:
        options += [("cert", str(request.certificate[0])), ("key", str(request.certificate[1]))]
    if request.body is not None:
        options.append(("data-binary", f"@{sent}"))
    if request.source:
        options.append(("interface", request.source))
    if request.tls12:
        options.append(("tls-max", "1.2"))
    return "".join(name + ("\n" if value is None else f" = {_quoted(value)}\n") for name, value in options)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _headers(file: Path) -> dict[str, str]:
    """The header fields of the last answer, names in lower case."""
    last = file.read_text(encoding="latin-1").replace("\r", "").strip().split("\n\n")[-1]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in last.splitlines()[1:])}
