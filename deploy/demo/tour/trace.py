"""Nothing without a trace: each call of the tour left its record, and no record holds a secret."""

import time

from deploy.demo.tour.exchange import Answer
from deploy.demo.tour.stage import Stage


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
