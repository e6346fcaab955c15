"""Would this call pass, and why: asked of the real OPA, with its own trace, over a policy folder or a built bundle."""

import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gateway_addons.core.explanation import Explanation, PolicySource, explained

EVALUATION_TIMEOUT_S = 60
QUESTIONS = {"decision": "data.poterne.decision", "token": "data.poterne.token.decision"}
MAX_SOURCE_BYTES = 1 << 20


class ExplainError(Exception):
    """OPA could not be asked; the message is OPA's."""


@dataclass(frozen=True, slots=True)
class PolicyFolder:
    """Policies as they lie in a folder, with the data they are asked over (`contracts`, `readings`, `revision`, ...)."""

    policies: Path
    data: Mapping[str, Any]


def explain(opa_binary: Path, source: PolicyFolder | Path, document: Mapping[str, Any],
            question: Literal["decision", "token"] = "decision") -> Explanation:
    """The decision on the input `document`, and the rules and lines behind it.

    `source` is a policy folder with its data, or the file of a bundle. The signature of a bundle is not verified here:
    who asks about a bundle that others may have touched verifies it before.

    Rules are evaluated without OPA's index, so that also a rule whose first line cannot hold is in the trace.

    Raises:
        ExplainError: no OPA, a policy it refuses, or an undefined answer.
    """
    with tempfile.TemporaryDirectory(prefix="poterne-explain-") as scratch:
        folder = Path(scratch)
        (folder / "input.json").write_text(json.dumps(document), encoding="utf-8")
        arguments = ["eval", "--format=json", "--explain=full", "--disable-indexing", "--input", str(folder / "input.json")]
        if isinstance(source, PolicyFolder):
            (folder / "data.json").write_text(json.dumps(source.data), encoding="utf-8")
            files = sorted(f for f in source.policies.rglob("*.rego") if not f.name.endswith("_test.rego"))
            arguments += [a for f in [*files, folder / "data.json"] for a in ("--data", os.path.relpath(f))]
            sources = {os.path.relpath(f): PolicySource.read(f.read_text(encoding="utf-8")) for f in files}
        else:
            arguments += ["--bundle", str(source)]
            sources = _sources_of_bundle(source)
        answer = _ask(opa_binary, [*arguments, QUESTIONS[question]])
    try:
        decision = answer["result"][0]["expressions"][0]["value"]
        return explained(decision, answer.get("explanation", []), sources)
    except (KeyError, IndexError, TypeError) as e:
        raise ExplainError(f"OPA's answer to {QUESTIONS[question]} is undefined or malformed") from e


def _sources_of_bundle(bundle: Path) -> dict[str, PolicySource]:
    try:
        with tarfile.open(bundle, "r:gz") as archive:
            found = {}
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(".rego") else None
                if content is not None:
                    text = content.read(MAX_SOURCE_BYTES).decode("utf-8", "replace")
                    found["/" + member.name.lstrip("./")] = PolicySource.read(text)
    except (OSError, tarfile.TarError) as e:
        raise ExplainError(f"{bundle}: is not a bundle ({e})") from e
    return found


def _ask(binary: Path, arguments: list[str]) -> dict[str, Any]:
    try:
        done = subprocess.run([str(binary), *arguments], capture_output=True, text=True, timeout=EVALUATION_TIMEOUT_S,  # noqa: S603
                              check=False)
        answer: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except (OSError, subprocess.TimeoutExpired, ValueError) as e:
        raise ExplainError(f"opa eval: {e}") from e
    if done.returncode != 0:
        raise ExplainError(f"opa eval: {(done.stderr or done.stdout).strip()[-2000:]}")
    return answer

