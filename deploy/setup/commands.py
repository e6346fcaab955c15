"""Runs the tools that the set-up needs: their output goes to a log, their life is bounded, a failure shows its last lines."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.setup.progress import SetupError, Step

TAIL_LINES = 15


def run(step: Step, command: Sequence[str], log: Path, *, limit_s: float, folder: Path | None = None,
        environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, with its output in `log`.

    Raises:
        SetupError: it cannot be started, fails, or takes longer than `limit_s`; with the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       env={**os.environ, **(environment or {})})
        except OSError as e:
            raise SetupError(f"{command[0]} cannot be started: {e.strerror}") from e
        try:
            status = _wait(step, process, limit_s)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if status != 0:
        what = f"took longer than {limit_s:.0f} s" if status is None else f"ended with status {status}"
        raise SetupError(f"{' '.join(command[:4])} {what}. The end of {log}:\n{tail(log)}")


def _wait(step: Step, process: subprocess.Popen[bytes], limit_s: float) -> int | None:
    """The status of the process, or None when the time is over."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            return process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            step.tick()
    return None


def answer(command: Sequence[str], *, limit_s: float = 20.0) -> str | None:
    """What a short command prints, or None when it is not there, fails or hangs."""
    try:
        return ask(command, limit_s=limit_s)
    except SetupError:
        return None


def ask(command: Sequence[str], *, limit_s: float = 20.0, environment: Mapping[str, str] | None = None) -> str:
    """What a short command prints.

    Raises:
        SetupError: it is not there, fails or hangs; with the last line of its complaint.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, check=False,
                              env={**os.environ, **(environment or {})})
    except (OSError, subprocess.TimeoutExpired) as e:
        raise SetupError(f"{command[0]}: {e}") from e
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]
        raise SetupError(f"{Path(command[0]).name}: {last}")
    return done.stdout


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, none of them endless."""
    return "\n".join("    " + line[:160] for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
