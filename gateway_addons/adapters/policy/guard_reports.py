"""What the guard found, kept by what was guarded: the same content, the same schemas and the same guard are asked once a day.

A day, because contracts begin and end: what a contract allows is looked for at the present moment first.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

from gateway_addons.adapters.policy import guard
from gateway_addons.adapters.policy.bundle import Content
from gateway_addons.adapters.policy.guard import GuardReport
from gateway_addons.adapters.policy.revision_store import write_whole
from gateway_addons.core.guard import question
from gateway_addons.core.guard.judge import Finding

KEPT = timedelta(days=1)
CODE = (Path(question.__file__).parent, Path(guard.__file__).parent)


class GuardReports:
    """Reports in a folder, each named by a hash of what it is about."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str, now: datetime) -> GuardReport | None:
        """The report, if there is one that is not older than a day."""
        try:
            document = json.loads((self._folder / f"{key}.json").read_text(encoding="utf-8"))
            if not timedelta() <= now - datetime.fromisoformat(document["at"]) <= KEPT:
                return None
            known = {field.name for field in fields(GuardReport)}
            report = GuardReport(**{name: value for name, value in document["report"].items() if name in known})
            report.findings = [Finding(**finding) for finding in document["report"]["findings"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return report

    def keep(self, key: str, report: GuardReport, now: datetime) -> None:
        """Write a report. Raises `OSError`."""
        write_whole(self._folder / f"{key}.json", {"at": now.isoformat(), "report": report.document()})


def key_of(candidate: Content, running: Content | None, inputs: Iterable[Path]) -> str:
    """The hash of everything that the guard's answer depends on: contents, schemas and APIs (`inputs`), and its own code."""
    compared = running.digest if running and running.modules != candidate.modules else ""
    digest = hashlib.sha256(f"{candidate.digest} {compared}".encode())
    code = (file for folder in CODE for file in sorted(folder.glob("*.py")))
    for file in (*sorted(inputs), *code):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:32]
