"""What one decision costs inside OPA: nanoseconds and allocations of an allowed and a refused call, few and many contracts.

    python -m benchmarks.policy_cost [--contracts 10000]

`opa bench` on the bundle as it is built for production, without HTTP and JSON. Rounds are interleaved; the quickest of each is
told, since noise only adds. Allocations hardly depend on the machine: they are what to compare between two policies.
"""

import json
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.contract_generator import write_contracts
from gateway_addons.adapters.policy.api_files import load_routes
from gateway_addons.adapters.policy.bundle import Sources, build_bundle, read_bundle
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.core.guard.callable import Callable

ROOT = Path(__file__).resolve().parents[1]
OPA = ROOT / ".tools" / "bin" / "opa"
RESULT = ROOT / "benchmarks" / "results" / "policy_cost.json"
QUESTION = "data.poterne.decision"
CONSUMER = "production/charge.yaml"
STRANGER = "203.0.113.254"
NOBODY = "99999999900011"
BENCH_LIMIT_S = 300

type Row = dict[str, Any]


def bundle_of(folder: Path, contracts: int) -> Path:
    """The bundle of the demonstration's contracts and that many generated ones."""
    place = folder / f"contracts-{contracts}"
    shutil.copytree(ROOT / "config" / "contracts", place)
    if contracts:
        write_contracts(place, contracts)
    config = ROOT / "config"
    sources = Sources(OPA, ROOT / "policies", place, config / "readings.yaml", config / "schemas", config / "exceptions.yaml")
    bundle = folder / f"bundle-{contracts}.tar.gz"
    build_bundle(sources, bundle)
    return bundle


def calls(bundle: Path) -> dict[str, Row]:
    """An allowed call of the demonstration's consumer with one perimeter, and the same refused by an early and a late control."""
    contract = next(c for name, c in load_contracts(ROOT / "config" / "contracts") if name.endswith(CONSUMER))
    _, apis = load_routes([ROOT / "config" / "apis" / "infinoe.yaml"])
    compiled = read_bundle(bundle).data["contracts"]["production"]["by_id"][contract.convention.id]
    allowed = Callable(contract, compiled, apis[0]).call(0, datetime.now(UTC))
    if allowed is None:
        raise ValueError(f"{CONSUMER} allows no call")
    perimeter = allowed["rights"]["perimeters"][0] | {"siret": NOBODY}
    return {
        "allowed": allowed | {"switches": []},
        "refused: address": allowed | {"switches": [], "address": allowed["address"] | {"source": STRANGER}},
        "refused: right": allowed | {"switches": [], "rights": allowed["rights"] | {"perimeters": [perimeter]}},
    }


def measured(bundle: Path, question: Path) -> Row:
    """One run of `opa bench`, which repeats the evaluation for about a second. Raises `CalledProcessError`."""
    done = subprocess.run(
        [str(OPA), "bench", "--format", "json", "--metrics=false", "--optimize-store-for-read-speed", "--bundle", str(bundle),
         "--input", str(question), QUESTION], capture_output=True, text=True, check=True, timeout=BENCH_LIMIT_S)
    found = json.loads(done.stdout)
    return {"ns": round(found["T"] / found["N"]), "allocations": round(found["MemAllocs"] / found["N"]),
            "bytes": round(found["MemBytes"] / found["N"]), "evaluations": found["N"]}


def compared(folder: Path, contracts: int, rounds: int) -> list[Row]:
    """Every call over both bundles, round after round."""
    bundles = {number: bundle_of(folder, number) for number in (0, contracts)}
    asked = calls(bundles[0])
    for name, document in asked.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    runs: dict[tuple[str, int], list[Row]] = {(name, number): [] for name in asked for number in bundles}
    for _ in range(rounds):
        for (name, number), found in runs.items():
            found.append(measured(bundles[number], folder / f"{name}.json"))
    return [{"call": name, "generated_contracts": number, **min(found, key=lambda run: run["ns"]),
             "ns_of_rounds": [run["ns"] for run in found]} for (name, number), found in runs.items()]


def main(contracts: Annotated[int, typer.Option(min=10, max=100_000)] = 10_000,
         rounds: Annotated[int, typer.Option(min=1, max=20)] = 3) -> None:
    """Measure, print and write benchmarks/results/policy_cost.json."""
    before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="poterne-policy-cost-") as folder:
        rows = compared(Path(folder), contracts, rounds)
    for row in rows:
        print(f"  {row['call']:18} {row['generated_contracts']:6} contracts more: {row['ns'] / 1000:7.0f} us, "
              f"{row['allocations']:5} allocations, {row['bytes']:7} bytes")
    RESULT.parent.mkdir(exist_ok=True)
    result = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count(),
              "load_average_before": before, "rows": rows}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
