"""A case of a replay: the exact bytes that are sent, with placeholders, and what must come of them.

In a folder a case is two files: `NAME.http` holds the bytes, `NAME.yaml` beside it the expectation. HAR and mitmproxy
flow files give many cases at once (`recorded`).
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Verdict = Literal["refused", "forwarded", "answered", "closed", "safe"]
"""`refused`: an answer with a reason, and nothing reached the backend. `forwarded`: what reached the backend is what was
sent. `answered`: the gateway answered by itself (`/token`), and nothing reached the backend. `closed`: the connection ended
without an answer. `safe`: any of these."""

_PLACEHOLDER = re.compile(rb"\{\{([A-Z_]+)\}\}")
_PAUSE = re.compile(rb"\{\{PAUSE:([0-9]+(?:\.[0-9]+)?)\}\}")
MAX_PAUSE_S = 10.0
MAX_CASE_BYTES = 64 * 1024 * 1024


class CaseError(Exception):
    """A case cannot be used; the message names the file and what to do."""


class Expectation(BaseModel):
    """What must come of a case. `answers` is how many there must be; status and code are the first one's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict = "safe"
    status: int | None = None
    code: str | None = None
    answers: Annotated[int, Field(ge=0)] | None = None
    forwarded: Annotated[int, Field(ge=0)] | None = None


class Sidecar(BaseModel):
    """`NAME.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str = ""
    expect: Expectation = Expectation()


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `raw` still has its placeholders."""

    name: str
    raw: bytes
    expect: Expectation = field(default_factory=Expectation)
    what: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to send, and how long to wait before them, in seconds."""

    pause_s: float
    data: bytes


def fill(raw: bytes, values: Mapping[str, bytes]) -> tuple[Piece, ...]:
    """The bytes to send: placeholders replaced, `{{CONTENT_LENGTH}}` by the length of what follows the first empty line.

    Raises:
        CaseError: a placeholder without a value.
    """
    def value_of(match: re.Match[bytes]) -> bytes:
        name = match[1].decode()
        if name == "CONTENT_LENGTH":
            return match[0]
        if name not in values:
            raise CaseError(f"placeholder {{{{{name}}}}} has no value; see `poterne replay --help`")
        return values[name]

    filled = _PLACEHOLDER.sub(value_of, raw)
    body = _PAUSE.sub(b"", filled).partition(b"\r\n\r\n")[2]
    filled = filled.replace(b"{{CONTENT_LENGTH}}", str(len(body)).encode())
    parts = _PAUSE.split(filled)
    pieces = [Piece(0.0, parts[0])]
    pieces += [Piece(min(float(s), MAX_PAUSE_S), data) for s, data in zip(parts[1::2], parts[2::2], strict=True)]
    return tuple(pieces)


def new_correlation_id() -> str:
    """The X-Correlation-ID of one case: what reaches the backend is found again by it."""
    return str(uuid.uuid4())


def read_folder(folder: Path) -> Iterator[Case]:
    """The cases `*.http` of a folder and of the folders below it, by name.

    Raises:
        CaseError: a sidecar that cannot be read.
    """
    for file in sorted(folder.rglob("*.http")):
        yield read_case(file, str(file.relative_to(folder).with_suffix("")))


def read_case(file: Path, name: str = "") -> Case:
    """The case of one `.http` file and its sidecar, if there is one.

    Raises:
        CaseError: too large, or a sidecar that cannot be read.
    """
    if file.stat().st_size > MAX_CASE_BYTES:
        raise CaseError(f"{file}: more than {MAX_CASE_BYTES} bytes")
    sidecar = read_sidecar(file.with_suffix(".yaml"))
    return Case(name or file.stem, file.read_bytes(), sidecar.expect, sidecar.what)


def read_sidecar(file: Path) -> Sidecar:
    """The sidecar, or what holds without one.

    Raises:
        CaseError: it cannot be read.
    """
    if not file.exists():
        return Sidecar()
    try:
        return Sidecar.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as e:
        raise CaseError(f"{file}: {e}") from e


def write_case(folder: Path, case: Case) -> Path:
    """Write a case as its two files."""
    file = folder / f"{case.name}.http"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(case.raw)
    document = {"what": case.what, "expect": case.expect.model_dump(exclude_none=True)}
    file.with_suffix(".yaml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file
