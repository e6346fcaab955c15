"""What 10,000 contracts cost beside 10: build, guard, activation, OPA's memory, decisions, also while a bundle is swapped.

    python -m benchmarks.policy_scale [--count 10000]

A real OPA takes signed bundles from the bundle server; decisions are asked one after the other over its unix socket.
"""

import asyncio
import json
import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
import yaml

from benchmarks.contract_generator import write_contracts
from deploy.demo.ports import HOST, choose
from gateway_addons.adapters.policy.activation import Activation, By
from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.bundle import Content, Signer, Sources, read_sources, write_bundle
from gateway_addons.adapters.policy.bundle_server import bundle_app
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.adapters.policy.guard import Guard
from gateway_addons.adapters.policy.guard_opa import UnixConnection
from gateway_addons.adapters.policy.opa_admin import OpaAdministration
from gateway_addons.adapters.policy.opa_config import opa_config
from gateway_addons.adapters.policy.policy_keys import make_keys
from gateway_addons.adapters.policy.revision_store import Built, RevisionStore
from gateway_addons.core.contract.model import Contract
from gateway_addons.core.errors import PolicyUnavailable
from gateway_addons.core.guard.callable import Callable
from gateway_addons.core.revision import Revision
from gateway_addons.settings.policy import BundleService, Policy, Signing
from gateway_addons.settings.values import Listen

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "policy_scale.json"
QUESTIONS = 2000
ACTIVATIONS = 5


class Bench:
    """One store, one bundle server and one OPA in a folder."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count
        self.contracts = folder / "contracts"
        self.sources = Sources(ROOT / ".tools/bin/opa", ROOT / "policies", self.contracts, ROOT / "config/readings.yaml",
                               ROOT / "config/schemas")
        keys = Signing(verification_key_file=folder / "verification.pem", signing_key_file=folder / "signing.pem")
        self.policy = Policy(
            store_folder=folder / "store", rego_folder=self.sources.rego, contracts_folder=self.contracts,
            readings_file=self.sources.readings, schemas_folder=ROOT / "config/schemas", opa_file=self.sources.opa, signing=keys,
            bundles=BundleService(listen=Listen(host=HOST, port=choose(None).bundles), token_file=folder / "token"))
        make_keys(folder / "signing.pem", folder / "verification.pem", folder / "token")
        self.store = RevisionStore(self.policy.store_folder)
        self.signer = Signer(folder / "signing.pem", keys.key_id, keys.scope)
        self.socket = folder / "opa.sock"
        admin = OpaAdministration(f"unix://{self.socket}", 30)
        self.activation = Activation(self.store, admin, self.sources, self.signer, 300)

    def run(self) -> dict[str, Any]:
        """All measurements."""
        write_contracts(self.contracts, self.count)
        row: dict[str, Any] = {"contracts": self.count}
        content: Content
        first: Revision
        content, row["read_s"] = timed(lambda: read_sources(self.sources))
        first, row["build_s"] = timed(lambda: self.build(content))
        row["bundle_bytes"] = self.store.bundle(first).stat().st_size
        row["data_bytes"] = len(json.dumps(content.data))
        loaded = [contract for _, contract in load_contracts(self.contracts)]
        self.activation.offer(first, By("bench", "first"))
        with self.server(), self.opa() as pid:
            row["opa_rss_mb_one_bundle"] = memory_mb(pid)
            calls = self.calls(content, loaded)
            row["decision_ms"] = summary(self.ask(calls, QUESTIONS))
            row |= self.activations(content, calls)
            row["opa_rss_mb_after"] = memory_mb(pid)
            row["opa_peak_mb"] = memory_mb(pid, "VmHWM")
        print(json.dumps(row, indent=1), flush=True)
        row["guard"], row["guard_after_one_edit"] = self.guard(content, loaded)
        return row

    def build(self, content: Content) -> Revision:
        """A signed revision in the store."""
        revision = Revision(self.store.next_sequence(), content.digest)
        write_bundle(content, self.store.bundle(revision), revision.sequence, self.sources, self.signer)
        self.store.add(revision, Built(str(revision), "bench", "", "files", self.count))
        return revision

    def guard(self, content: Content, loaded: list[Contract]) -> tuple[dict[str, Any], dict[str, Any]]:
        """All contracts, then one that was edited."""
        _, apis = load_routes([ROOT / "config/apis/infinoe.yaml"])
        guard, now = Guard(self.sources.opa, ROOT / "config/schemas", apis, say), datetime.now(UTC)
        names = [(c.environment, c.convention.id) for c in loaded]
        reports = [guard.run(content, loaded, now), guard.run(content, loaded, now, content, frozenset(names[1:]))]
        first, second = ({"seconds": r.seconds, "questions": r.questions, "shapes": r.shapes, "rights": r.rights,
                          "findings": len(r.findings), "uncallable": len(r.uncallable)} for r in reports)
        return first, second

    def calls(self, content: Content, loaded: list[Contract]) -> list[bytes]:
        """One call of each of many contracts."""
        _, (api,) = load_routes([ROOT / "config/apis/infinoe.yaml"])
        rooms, now = content.data["contracts"], datetime.now(UTC)
        chosen = random.Random(1).sample(loaded, min(len(loaded), 500))  # noqa: S311
        found = [Callable(c, rooms[c.environment]["by_id"][c.convention.id], api).call(0, now) for c in chosen]
        return [json.dumps({"input": call}).encode() for call in found if call is not None]

    def ask(self, calls: list[bytes], number: int, until: threading.Event | None = None) -> list[float]:
        """Milliseconds of each decision, one after the other; revisions are checked."""
        connection = UnixConnection(str(self.socket))
        took: list[float] = []
        while len(took) < number and not (until and until.is_set()):
            started = time.perf_counter()
            connection.request("POST", "/v1/data/poterne/decision?provenance=true", calls[len(took) % len(calls)],
                               {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
            took.append((time.perf_counter() - started) * 1000)
            served = {bundle["revision"] for bundle in answer["provenance"]["bundles"].values()}
            assert served == {answer["result"]["revision"]}, "a decision of a mix"
        connection.close()
        return took

    def activations(self, content: Content, calls: list[bytes]) -> dict[str, Any]:
        """Seconds of each activation while decisions are asked without pause, and how long the longest of these took."""
        stop, took, seconds = threading.Event(), [0.0], []
        asking = threading.Thread(target=lambda: took.extend(self.ask(calls, 10_000_000, stop)))
        asking.start()
        for _ in range(ACTIVATIONS):
            revision = self.build(content)
            _, one = timed(lambda r=revision: asyncio.run(self.activation.activate(r, By("bench", "again"))))
            seconds.append(one)
        stop.set()
        asking.join()
        return {"activation_s": seconds, "decision_ms_while_swapping": summary(took[1:])}

    @contextmanager
    def server(self) -> Iterator[None]:
        """The bundle server, in a thread."""
        listen = self.policy.bundles.listen
        server = uvicorn.Server(uvicorn.Config(bundle_app(self.store, self.policy.bundles.token_file), host=listen.host,
                                               port=listen.port, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            thread.join(30)

    @contextmanager
    def opa(self) -> Iterator[int]:
        """OPA, as the gateway has it; its process id once the bundle is active."""
        config = self.folder / "opa.yaml"
        config.write_text(yaml.safe_dump(opa_config(self.policy, self.folder / "persisted")), encoding="utf-8")
        with (self.folder / "opa.log").open("wb") as log:
            process = subprocess.Popen([str(self.sources.opa), "run", "--server", "--addr", f"unix://{self.socket}",
                                        "--authorization=basic", "--skip-version-check", "--log-level", "error",
                                        "--config-file", str(config)], stdout=log, stderr=log)
        try:
            for _ in range(1200):
                with suppress(PolicyUnavailable):
                    if asyncio.run(self.activation.opa.status()).active:
                        break
                time.sleep(0.1)
            else:
                raise TimeoutError((self.folder / "opa.log").read_text())
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def timed[T](work: Any) -> tuple[T, float]:
    """What the work returns, and its seconds."""
    started = time.perf_counter()
    found: T = work()
    return found, round(time.perf_counter() - started, 3)


def summary(took: list[float]) -> dict[str, float]:
    """Median, 99th centile, worst and number, in milliseconds."""
    ordered = sorted(took)
    return {"count": len(ordered), "p50": round(ordered[len(ordered) // 2], 3),
            "p99": round(ordered[int(len(ordered) * 0.99)], 3), "max": round(ordered[-1], 3)}


def memory_mb(pid: int, what: str = "VmRSS") -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) // 1024
    raise LookupError(what)


def say(what: str) -> None:
    """Progress."""
    print(f"  {what}", flush=True)


def main(count: Annotated[int, typer.Option(min=10, max=100_000)] = 10_000) -> None:
    """Measure 10 contracts, then many."""
    rows = []
    for number in (10, count):
        say(f"{number} contracts")
        with tempfile.TemporaryDirectory(prefix="poterne-scale-") as folder:
            rows.append(Bench(Path(folder), number).run())
        print(json.dumps(rows[-1], indent=1), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    result = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count(),
              "load_average": os.getloadavg(), "runs": rows}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
