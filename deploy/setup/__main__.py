"""`make setup`: everything that the project needs and the machine has not, inside the project's folder.

Runs on the Python that `find-python.sh` found, before any package is installed: standard library only.
"""

import fcntl
import sys
import time
from pathlib import Path

from deploy.setup import curl, environment, opa, redis
from deploy.setup.layout import Layout
from deploy.setup.progress import SetupError


def main() -> int:
    """Do every step; 1 with what to do when one cannot be done."""
    layout = Layout(Path(__file__).resolve().parents[2])
    started = time.monotonic()
    layout.tools.mkdir(exist_ok=True)
    with (layout.tools / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  another set-up of this clone is running; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for part in (environment, opa, redis, curl):
                part.ensure(layout)
        except SetupError as e:
            print(f"\nSet-up stopped: {e}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nSet-up interrupted; run make again to go on.", file=sys.stderr)
            return 130
    print(f"  set-up   {time.monotonic() - started:6.1f} s  done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
