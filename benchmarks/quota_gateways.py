"""Is the quota exact over whole gateways? Real clients over mutual TLS, two gateways of two workers each, one Redis.

Each call's record tells the windows' own time of its charge; all records of both gateways are put together, and then all
intervals are checked: more than the limit accepted in any window, or a refusal while fewer were accepted in the last one, is
a violation.

    python -m benchmarks.quota_gateways [--seconds 190] [--window 60] [--clients 24]
"""

import argparse
import asyncio
import json
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import httpx
import yaml

from benchmarks.quota_history import Event, violations
from benchmarks.redis_process import RESULTS, machine
from gateway_addons.adapters.journal.reader import records
from gateway_addons.core.contract import compile as contract_compile
from gateway_addons.core.contract.model import Contract
from tests.e2e.conftest import Running, start
from tests.supervisor.conftest import Gateway
from tests.support.second_gateway import SecondGateway, second_gateway

CONSUMERS = ("musee", "anfm")
BURST_PAUSES_S = (0.0, 0.01, 0.1, 0.7)
STATE = "/infinoe/v1/etatSante"

PATIENCE_S = 4.0
"""Below the listener's `decision_timeout_s`."""

type Answer = tuple[int, float]


def context(running: Running, name: str) -> ssl.SSLContext:
    """The consumer's TLS."""
    own = running.document["environments"]["production"]
    return running.tls("production", own["consumers"][name])


async def client(number: int, base: str, tls: ssl.SSLContext, headers: dict[str, str], end: float) -> list[Answer]:
    """Calls in bursts with pauses of several lengths; every answer's status, and the seconds that it took."""
    answers = list[Answer]()
    turn = number
    async with httpx.AsyncClient(verify=tls, timeout=30) as http:
        while time.monotonic() < end:
            for _ in range(1 + turn % 12):
                began = time.monotonic()
                answer = await http.get(base + STATE, headers=headers | {"X-Correlation-ID": str(uuid.uuid4())})
                answers.append((answer.status_code, time.monotonic() - began))
            turn += 5
            await asyncio.sleep(BURST_PAUSES_S[turn % len(BURST_PAUSES_S)])
    return answers


async def load(running: Running, second: SecondGateway, clients: int, seconds: float) -> list[Answer]:
    """All clients at once, half of them at each gateway."""
    own = running.document["environments"]["production"]
    given: dict[str, tuple[ssl.SSLContext, dict[str, str]]] = {}
    for name in CONSUMERS:
        consumer = running.consumer(name)
        token = consumer.ask_token()
        headers = {"Authorization": f"Bearer {token}", "ID_Teleservice": consumer.own["id_teleservice"][0]}
        given[name] = context(running, name), headers
    bases = (own["base_url"], second.consumer(CONSUMERS[0]).environment["base_url"])
    end = time.monotonic() + seconds
    parts = await asyncio.gather(*(
        client(n, bases[n % 2], *given[CONSUMERS[n // 2 % len(CONSUMERS)]], end) for n in range(clients)))
    return [answer for part in parts for answer in part]


def events(*journals: Path) -> list[Event]:
    """What each charge said, with the windows' own time."""
    found = list[Event]()
    for folder in journals:
        for record in records(folder):
            quota = record.fields.get("quota")
            if quota and quota["fenetre"] == "redis":
                key = f"{record.fields['environnement']}:{record.fields['convention']}"
                found.append((key, quota["accepte"], quota["instant_us"]))
    return found


@contextmanager
def two_gateways(folder: Path, window_s: int, limit: int | None, **sections: Any) -> Iterator[tuple[Running, SecondGateway]]:
    """Two gateways of two workers each, on one machine; `sections` replace whole sections of both gateways' settings.

    `limit` takes the place of every contract's own, for a machine that cannot use those up.
    """
    own = Contract.calls_per_minute
    with (patch.object(contract_compile, "WINDOW_S", window_s),
          patch.object(Contract, "calls_per_minute", own if limit is None else property(lambda _: limit)),
          contextmanager(start)(folder / "first") as running):
        gateway = Gateway(running)
        gateway.change(**{"workers": 2, **_patient(gateway), **sections})
        if gateway.reload()["done"] is not True:
            raise RuntimeError("two workers did not start")
        with second_gateway(running, folder / "second", workers=2) as second:
            yield running, second


def _patient(gateway: Gateway) -> dict[str, Any]:
    """On a machine that is busy with other things a slow answer of Redis or OPA is waited for: it is no fault of the quota."""
    document = yaml.safe_load(gateway.settings_file.read_text())
    return {name: document[name] | {"timeout_s": PATIENCE_S} for name in ("opa", "redis")}


def limits_of(running: Running, limit: int | None) -> dict[str, int]:
    """The limit of each window that is charged."""
    consumers = [running.consumer(n).own for n in CONSUMERS]
    return {f"production:{own['contract']}": limit or own["calls_per_minute"] for own in consumers}


def journals(running: Running, folder: Path) -> tuple[Path, Path]:
    """Both gateways' journals."""
    return Path(running.document["journal"]), folder / "second" / "journal"


def measure(folder: Path, *, seconds: float, window_s: int, clients: int, limit: int | None = None) -> dict[str, Any]:
    """Run, check, and tell."""
    with two_gateways(folder, window_s, limit) as (running, second):
        answers = asyncio.run(load(running, second, clients, seconds))
        limits, files = limits_of(running, limit), journals(running, folder)
    found = events(*files)
    wrong: Counter[str] = Counter()
    for key, most in limits.items():
        wrong.update(violations([e for e in found if e[0] == key], most, window_s * 1_000_000))
    return overview(found, answers, window_s) | {"clients": clients, "limits": limits, "violations": dict(wrong)}


def overview(found: list[Event], answers: list[Answer], window_s: int) -> dict[str, Any]:
    """What was run, on what, and how much of it."""
    times = [at for _, _, at in found]
    return {
        "machine": machine(), "gateways": 2, "workers": 4, "window_s": window_s,
        "windows": round((max(times) - min(times)) / 1e6 / window_s, 2), "charges": len(found),
        "accepted": dict(Counter(key for key, accepted, _ in found if accepted)), "refused": sum(not e[1] for e in found),
        "answers": dict(Counter(status for status, _ in answers)), "slowest_s": round(max(s for _, s in answers), 3),
    }


def main() -> None:
    """Run, print and keep the result; fails when there is a violation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=190)
    parser.add_argument("--window", type=int, default=60)
    parser.add_argument("--clients", type=int, default=24)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="poterne-quota-") as folder:
        result = measure(Path(folder), seconds=given.seconds, window_s=given.window, clients=given.clients)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "quota_gateways.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, value in result.items():
        print(f"{name:12} {value}")
    if any(result["violations"].values()):
        raise SystemExit("the quota is not exact")


if __name__ == "__main__":
    main()
