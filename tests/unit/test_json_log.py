"""The log of a process: one JSON line for each event, and no values of variables."""

import subprocess
import sys

PROGRAM = """
import structlog
from gateway_addons.admin.json_log import configure_logging
configure_logging()
def refuse(authorization, body):
    raise RuntimeError("planted")
try:
    refuse("Bearer very-secret", b"a lot of entries")
except RuntimeError as e:
    structlog.get_logger("poterne").error("fault", hook="request", exc_info=e)
"""


def test_a_fault_is_logged_with_its_place_and_without_the_values_of_variables() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert "planted" in done.stderr
    assert "refuse" in done.stderr
    assert "very-secret" not in done.stderr
    assert "a lot of entries" not in done.stderr
