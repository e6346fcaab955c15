"""Nothing without a trace: each call left its record, no record holds a secret, and detection told of what did not fit."""

import json
import subprocess
import sys
import time
from typing import Any

from deploy.demo.place import ROOT
from deploy.demo.tour.exchange import Answer
from deploy.demo.tour.stage import Stage

ALERTS_LIMIT_S = 20.0
"""How long detection may take to read what the tour did, and to tell."""


def trace(stage: Stage) -> None:
    """The gateway's journal, read beside the gateway."""
    stage.scene = "trace"
    started = time.perf_counter()
    text = stage.journal()
    ms = (time.perf_counter() - started) * 1000
    answered = stage.answered
    missing = sum(correlation not in text for correlation in answered)
    stage.row(f"records of the {len(answered)} calls that were answered", "none missing", Answer("httpx", ms),
              "none missing" if not missing else f"{missing} missing", client="-")
    secrets = [consumer["client_secret"] for name in stage.document["environments"]
               for consumer in stage.site(name)["consumers"].values()]
    found = sum(secret in text for secret in [*secrets, *stage.tokens()])
    stage.row("client secrets and tokens in the records", "none", Answer("httpx", ms), str(found or "none"), client="-")
    _alerts(stage)


def _alerts(stage: Stage) -> None:
    """What detection, a process of its own, told its sinks of the tour's crossed identities."""
    started = time.perf_counter()
    told: list[dict[str, Any]] = []
    while not told and time.perf_counter() - started < ALERTS_LIMIT_S:
        told = [alert for alert in _listed(stage) if alert["kind"] == "mismatched_identities"]
    ms = (time.perf_counter() - started) * 1000
    delivered = bool(told) and all(d["state"] == "delivered" for alert in told for d in alert["deliveries"])
    stage.row("alerts for identities that do not match, at every sink", "delivered", Answer("httpx", ms),
              "delivered" if delivered else f"{len(told)} alerts, not all delivered", client="-")


def _listed(stage: Stage) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "gateway_addons", "alert", "list", "--limit", "1000", "--json",
               "--config", stage.document["gateway_settings"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    listed: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return listed
