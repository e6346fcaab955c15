"""What the command line says, typed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Environment = Literal["production", "sandbox"]

MAX_BODY_BYTES = 32 * 1024 * 1024
BODY_TIMEOUT_S = 60.0
MAX_LARGE_BODIES = 4
LARGE_BODY_BYTES = 1024 * 1024
WORKER_THREADS = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """One backend process: one environment, one database, one gateway."""

    environment: Environment
    database: Path
    assertion_jwks: Path
    assertion_issuer: str
    assertion_audience: str
