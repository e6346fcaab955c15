"""Who is measured: each is started once, all run side by side, and one is called at a time."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.speed import envoy
from benchmarks.speed.measure import Target, pin
from benchmarks.speed.stage import Stage, family, free_port
from benchmarks.speed.targets import KEEPING
from benchmarks.speed.tools import ROOT
from benchmarks.speed.without import PARTS
from gateway_addons.adapters.policy.contract_files import load_contracts

PROXY_CPU, OTHER_CPU, BOTH = (0,), (1,), (0, 1)
"""On two cores: the one process that is compared on one of them, everything else on the other."""

FULL = ("Poterne, 2 workers", "Poterne, 2 workers, kept decisions", "Envoy, 2 threads")


def main_targets(stage: Stage, say: Callable[[str], None], missing: list[str]) -> dict[str, Target]:
    """All that the first table compares; who does not start is added to `missing`, and the others are compared."""
    starts: list[Callable[[Stage], Target]] = [_nginx, _mitmdump, bare, _poterne]
    starts.append(lambda s: _own(s, KEEPING, 1, keep=True))
    starts += [lambda s: _own(s, FULL[0], 2, keep=False), lambda s: _own(s, FULL[1], 2, keep=True)]
    if stage.tools.envoy and stage.tools.authz:
        starts += [lambda s: _envoy(s, "Envoy + OPA + rate limit", 1), lambda s: _envoy(s, "Envoy, 2 threads", 2)]
    found: dict[str, Target] = {}
    for start in starts:
        try:
            target = start(stage)
        except (RuntimeError, OSError, LookupError) as e:
            say(f"does not start: {e}")
            missing.append(str(e)[:300])
            continue
        say(f"{target.name} on port {target.port}")
        found[target.name] = target
    return found


def place(target: Target, upstream: Sequence[int]) -> None:
    """On two cores: the one process that is compared has one of them, everything else the other. What uses the whole
    machine is left to itself and to the kernel.
    """
    whole = target.name in FULL
    for name, pids in target.processes.items():
        if not (whole and name == "proxy"):
            pin(pids, BOTH if whole else PROXY_CPU if name == "proxy" else OTHER_CPU)
    pin(upstream, BOTH if whole else OTHER_CPU)


def without_targets(stage: Stage) -> dict[str, Target]:
    """Poterne without one of its parts; the first is whole, started the same way."""
    return {
        (name := f"without {part}" if part else "all parts"): without(stage, name, [part] if part else [], number)
        for number, part in enumerate(["", *PARTS])
    }


def _shared(stage: Stage) -> dict[str, list[int]]:
    return {"OPA": stage.pids("opa"), "Redis": stage.pids("redis")}


def _nginx(stage: Stage) -> Target:
    port, server, trust = free_port(), stage.server, stage.trust
    anchors = stage.folder / "anchors.pem"
    anchors.write_bytes(Path(trust["anchors_file"]).read_bytes())
    pids = stage.nginx(
        "mtls",
        f"listen 127.0.0.1:{port} ssl backlog=4096; ssl_certificate {server['certificate_file']}; "
        f"ssl_certificate_key {server['key_file']}; ssl_client_certificate {anchors}; ssl_verify_client on; ssl_verify_depth 4; "
        "ssl_session_tickets off;",
        'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";',
    )
    stage.await_port(port, "nginx-mtls")
    return Target("nginx with mutual TLS", port, {"proxy": pids})


def _mitmdump(stage: Stage) -> Target:
    port = free_port()
    both = stage.folder / "mitm.pem"
    both.write_bytes(Path(stage.server["key_file"]).read_bytes() + Path(stage.server["certificate_file"]).read_bytes())
    process = stage.spawn(
        [
            str(stage.tools.mitmdump),
            "-q",
            "--mode",
            f"reverse:http://127.0.0.1:{stage.upstream_port}",
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            str(port),
            "--certs",
            str(both),
            "--set",
            f"confdir={stage.folder / 'mitm'}",
        ],
        "mitmdump",
    )
    stage.await_port(port, "mitmdump")
    return Target("mitmdump -q", port, {"proxy": [process.pid]})


def bare(stage: Stage) -> Target:
    """The engine with nothing to decide."""
    port = free_port()
    process = stage.spawn(
        [
            sys.executable,
            "-m",
            "benchmarks.speed.bare_master",
            "--config",
            stage.document["gateway_settings"],
            "--port",
            str(port),
        ],
        "bare-master",
    )
    stage.await_port(port, "bare-master")
    return Target("own Master, bare", port, {"proxy": [process.pid]})


def _poterne(stage: Stage) -> Target:
    return Target("Poterne", stage.port, {"proxy": family(stage.pids("gateway")[0])} | _shared(stage))


def _own(stage: Stage, name: str, workers: int, *, keep: bool) -> Target:
    """Another gateway on the same contracts, OPA and Redis: so many workers, with or without kept decisions."""
    port, folder = free_port(), stage.folder / name.replace(" ", "-")
    own = {
        name: environment | {"listen": {"host": "127.0.0.1", "port": port if name == "production" else 0}}
        for name, environment in stage.settings["environments"].items()
    }
    file = stage.write_settings(
        folder / "gateway.yaml",
        workers=workers,
        pin_workers=workers > 1,
        environments=own,
        admin={"host": "127.0.0.1", "port": free_port()},
        opa=stage.settings["opa"] | {"keep_decisions": keep},
        state={"folder": str(folder / "state")},
        journal=stage.settings["journal"] | {"folder": str(folder / "journal")},
    )
    process = stage.spawn([sys.executable, "-m", "gateway_addons", "run", "--config", str(file)], folder.name)
    stage.await_port(port, folder.name)
    _await_log(stage, folder.name, f'"workers":{workers}')
    return Target(name, port, {"proxy": family(process.pid)} | _shared(stage))


def without(stage: Stage, name: str, off: Sequence[str], number: int, *, tree: Path = ROOT) -> Target:
    """One worker without a supervisor and without some of its parts; of another checkout, when `tree` says so."""
    port, folder = free_port(), stage.folder / f"without-{number}"
    file = stage.write_settings(
        folder / "gateway.yaml",
        state={"folder": str(folder / "state")},
        journal=stage.settings["journal"] | {"folder": str(folder / "journal")},
    )
    command = [sys.executable, "-m", "benchmarks.speed.without"]
    command += ["--config", str(file), "--writer", "worker-0", "--port", str(port)]
    for part in off:
        command += ["--off", part]
    process = stage.spawn(command, f"without-{number}", tree=tree)
    stage.await_port(port, f"without-{number}")
    _await_log(stage, f"without-{number}", "serving")
    return Target(name, port, {"proxy": [process.pid]} | _shared(stage))


def other_policy(stage: Stage, name: str, opa_address: str, opa_pid: int, number: int) -> Target:
    """Poterne asking another OPA."""
    port, folder = free_port(), stage.folder / f"contracts-of-{number}"
    policy = stage.settings["policy"] | {"store_folder": str(folder / "store")}
    file = stage.write_settings(
        folder / "gateway.yaml",
        state={"folder": str(folder / "state")},
        journal=stage.settings["journal"] | {"folder": str(folder / "journal")},
        opa=stage.settings["opa"] | {"address": opa_address},
        policy=policy,
    )
    process = stage.spawn(
        [sys.executable, "-m", "benchmarks.speed.without", "--config", str(file), "--writer", "worker-0", "--port", str(port)],
        f"contracts-of-{number}",
    )
    stage.await_port(port, f"contracts-of-{number}")
    _await_log(stage, f"contracts-of-{number}", "serving")
    return Target(name, port, {"proxy": [process.pid], "OPA": [opa_pid], "Redis": stage.pids("redis")})


def _envoy(stage: Stage, name: str, threads: int) -> Target:
    port, limit_port = free_port(), free_port() if stage.tools.ratelimit else None
    contracts = [contract for _, contract in load_contracts(stage.contracts) if contract.environment == "production"]
    files = envoy.write(stage, contracts, port, limit_port, f"envoy-{threads}")
    beside = {
        "OPA": [
            stage.spawn(
                [
                    str(stage.tools.authz),
                    "-socket",
                    str(files.authz_socket),
                    "-policy",
                    str(envoy.POLICY),
                    "-data",
                    str(files.authz_data),
                ],
                f"authz-{threads}",
                GOGC="400",
            ).pid
        ],
        "Redis": stage.pids("redis"),
    }
    if limit_port is not None and stage.tools.ratelimit is not None:
        beside["rate limit"] = [_ratelimit(stage, files, limit_port, threads)]
    process = stage.spawn(
        [
            str(stage.tools.envoy),
            "-c",
            str(files.envoy),
            "--concurrency",
            str(threads),
            "--log-level",
            "error",
            "--base-id",
            str(free_port()),
        ],
        f"envoy-{threads}",
    )
    stage.await_port(port, f"envoy-{threads}")
    return Target(name, port, {"proxy": [process.pid]} | beside)


def _ratelimit(stage: Stage, files: envoy.EnvoyFiles, port: int, threads: int) -> int:
    host = stage.document["redis_url"].rpartition("@")[2].partition("/")[0]
    password = stage.document["redis_url"].partition("://:")[2].partition("@")[0]
    process = stage.spawn(
        [str(stage.tools.ratelimit)],
        f"ratelimit-{threads}",
        REDIS_SOCKET_TYPE="tcp",
        REDIS_URL=host,
        REDIS_AUTH=password,
        RUNTIME_ROOT=str(files.ratelimit_folder),
        RUNTIME_SUBDIRECTORY="",
        RUNTIME_WATCH_ROOT="false",
        USE_STATSD="false",
        LOG_LEVEL="error",
        HOST="127.0.0.1",
        GRPC_HOST="127.0.0.1",
        GRPC_PORT=str(port),
        PORT=str(free_port()),
        DEBUG_HOST="127.0.0.1",
        DEBUG_PORT=str(free_port()),
        GOGC="400",
    )
    stage.await_port(port, f"ratelimit-{threads}")
    return process.pid


def _await_log(stage: Stage, name: str, what: str) -> None:
    deadline = time.monotonic() + 60
    log = stage.folder / f"{name}.log"
    while what not in log.read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name}: {log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.1)
