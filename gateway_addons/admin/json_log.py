"""The log of every process of the gateway: JSON lines on standard error, one event each."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer

_TRACEBACK = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
"""Where an exception came from, without the values of variables: they hold tokens, secrets and bodies."""


def configure_logging(level: int = logging.INFO, **always: str) -> None:
    """Set it up; `always` goes into every event. The log of libraries (and of the engine) only from warnings on."""

    def completed(_logger: object, level: str, event: Any) -> Any:
        """What every event has; one step, as each costs every call."""
        event.update(always)
        event["level"] = level
        event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return _TRACEBACK(_logger, level, event) if "exc_info" in event else event

    structlog.configure(
        processors=[completed, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
    )
    logging.basicConfig(level=logging.WARNING, format='{"level":"%(levelname)s","logger":"%(name)s","event":"%(message)s"}',
                        force=True)
