"""The documented walk (docs/walk-new-consumer.md), command by command, on a system of its own."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "walk-new-consumer.md"


def test_a_new_consumer_comes_to_an_accepted_call(tmp_path: Path) -> None:
    """Every command of the page ends as the page says; the last call gets a receipt, and the system is stopped."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    commands = "\n".join(blocks).replace("deploy.demo shell", 'deploy.demo shell --var "$VAR"')
    commands = commands.replace("deploy.demo certificate observatoire", 'deploy.demo certificate observatoire --var "$VAR"')
    environment = os.environ | {"VAR": str(tmp_path / "var")}
    try:
        done = subprocess.run(["bash", "-c", f"set -euo pipefail\n{commands}"], cwd=ROOT, env=environment, capture_output=True,
                              text=True, timeout=900, check=False)
    finally:
        subprocess.run(["make", "down"], cwd=ROOT, env=environment, capture_output=True, timeout=120, check=True)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-6000:]
    assert '"accuse"' in told
    assert "this call would pass" in told
    assert "INF-DRT-05" in told
    assert "CONV-INFINOE-BAS-2026-0099, active, 2 rights" in told
    written = (tmp_path / "var" / "demo" / "config" / "contracts" / "sandbox" / "observatoire.yaml").read_text(encoding="utf-8")
    assert "# 4-C2: networks that calls come from" in written
    assert "python" not in re.sub(r"\.venv/bin/python -m (deploy\.demo|gateway_addons)", "", commands), "no Python is written"
