"""Records as the journal has them, bent by a test."""

from datetime import UTC, datetime, timedelta
from typing import Any

T0 = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def record(after_s: float = 0, **bend: Any) -> dict[str, Any]:
    """A good call of one consumer, `after_s` seconds after T0."""
    at = T0 + timedelta(seconds=after_s)
    return {"horodatage": at.isoformat(), "redacteur": "worker-0", "environnement": "production", "convention": "C1",
            "requestId": f"r-{after_s}", "ip": "192.0.2.1", "certificat": "sha256:aa", "codeErreur": None, "motifs": [],
            "controles": {"certificat": "ok"}} | bend
