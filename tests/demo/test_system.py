"""The whole system as `make up` starts it: real OPA, Redis, backends and gateway; used by its handout alone, and stopped."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import system
from deploy.demo.place import ROOT, places
from deploy.demo.processes import StartFailed, Supervisor, start_time
from deploy.demo.system import System
from deploy.demo.tour import lots, quota, trace
from deploy.demo.tour.guide import SCENES
from deploy.demo.tour.library import Library
from deploy.demo.tour.rights import COMPTABLES
from deploy.demo.tour.stage import STATE, Call, Stage
from tests.demo.test_place import free_base

LIMIT_S = 120


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "deploy.demo", *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)


def pids(document: dict[str, Any]) -> list[int]:
    found = document["pids"]
    return [*found["gateway"], found["opa"], found["redis"], *found["backend"]]


def up(var: Path, *options: str) -> dict[str, Any]:
    done = command("up", "--var", str(var), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads((var / "demo" / "demo.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("var")
    yield folder
    command("down", "--var", str(folder))


@pytest.fixture(scope="module")
def document(var: Path) -> dict[str, Any]:
    return up(var)


def test_the_handout_has_what_was_promised(document: dict[str, Any], var: Path) -> None:
    assert {"environments", "journal", "opa", "redis_url", "pids", "admin"} <= set(document)
    for site in document["environments"].values():
        assert {"base_url", "token_url", "ca_file", "backend_url", "backend_database", "consumers", "bad_certificates"} <= set(site)
        assert len(site["consumers"]) >= 3
        assert not {"suspendu", "brouillon"} & set(site["consumers"])
        for consumer in site["consumers"].values():
            assert {"contract", "cert_file", "key_file", "client_id", "client_secret", "scopes", "id_teleservice", "siret",
                    "budgets", "exercices", "periodes", "operations", "calls_per_minute"} <= set(consumer)
        assert {"expired", "not_yet_valid", "revoked", "unknown_ca", "self_signed", "server_auth_only", "unregistered"} <= set(
            site["bad_certificates"])
        for files in (*site["consumers"].values(), *site["bad_certificates"].values()):
            assert Path(files["cert_file"]).is_absolute()
            assert Path(files["cert_file"]).exists()
            assert stat.S_IMODE(Path(files["key_file"]).stat().st_mode) == 0o600
    assert stat.S_IMODE((var / "demo" / "demo.json").stat().st_mode) == 0o600
    assert all(start_time(pid) is not None for pid in pids(document))


def test_no_secret_stands_in_a_command_line(document: dict[str, Any]) -> None:
    password = document["redis_url"].partition(":")[2].partition("@")[0].strip("/:")
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in pids(document)]
    assert password
    assert all(password not in line for line in lines)


@pytest.mark.parametrize("client", ["curl", "httpx"])
@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_the_handout_is_enough_to_send_a_lot(document: dict[str, Any], environment: str, client: Any) -> None:
    with Library() as library:
        stage = Stage(document, library)
        lot = lots.accounting(stage.consumer("ecole", environment), 20)
        before = stage.stored(environment)
        answer = stage.answer(Call("ecole", "POST", COMPTABLES, lot, environment=environment, client=client))
        assert str(answer) == "201"
        assert stage.stored(environment) == before + 20


def test_every_promised_consumer_gets_through(document: dict[str, Any]) -> None:
    with Library() as library:
        stage = Stage(document, library)
        answers = {(environment, name): str(stage.answer(Call(name, "GET", STATE, environment=environment)))
                   for environment, site in document["environments"].items() for name in site["consumers"]}
    assert set(answers.values()) == {"200"}, answers


@pytest.fixture(scope="module")
def stage(document: dict[str, Any]) -> Iterator[Stage]:
    with Library() as library:
        yield Stage(document, library)


@pytest.mark.parametrize("scene", [scene for _, scene in SCENES], ids=[title for title, _ in SCENES])
def test_the_tour_finds_what_it_expects(stage: Stage, scene: Callable[[Stage], None]) -> None:
    first = len(stage.rows)
    scene(stage)
    assert len(stage.rows) > first
    assert [row for row in stage.rows[first:] if not row.same] == []


def test_the_trace_is_looked_at(stage: Stage) -> None:
    first = len(stage.rows)
    trace.trace(stage)
    assert [row for row in stage.rows[first:] if not row.same] == []


def test_each_environment_has_its_own_store(document: dict[str, Any]) -> None:
    databases = {site["backend_database"] for site in document["environments"].values()}
    assert len(databases) == 2
    for database in databases:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_up_again_leaves_the_running_system_alone(document: dict[str, Any], var: Path) -> None:
    assert up(var) == document


def test_a_second_system_stands_beside_the_first(document: dict[str, Any], tmp_path: Path) -> None:
    base = free_base()
    try:
        second = up(tmp_path, "--port-base", str(base))
        assert second["environments"]["production"]["base_url"] == f"https://localhost:{base}"
        assert command("up", "--var", str(tmp_path / "third"), "--port-base", str(base)).returncode == 2
        fill_a_quota(second)
    finally:
        stopped = command("down", "--var", str(tmp_path))
    assert "stopped 7 processes" in stopped.stdout
    assert all(start_time(pid) is not None for pid in pids(document))
    assert all(start_time(pid) is None for pid in pids(second))


def fill_a_quota(document: dict[str, Any]) -> None:
    """To the last call, and one more; nobody called on this contract before."""
    with Library() as library:
        stage = Stage(document, library)
        assert quota.exhaust(stage, "musee", "sandbox").limit == 50
        assert [row for row in stage.rows if not row.same] == []


def test_a_part_that_does_not_start_is_told_and_the_rest_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho 'no room for the dataset'\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(system, "REDIS", broken)
    place = places(tmp_path / "var")[0]
    made = system.System(place, lambda _: None)
    with pytest.raises(StartFailed, match=r"redis ended instead of starting(?s:.*)no room for the dataset"):
        made.start(None)
    assert made.running() == []
    assert not place.records.exists()


def test_down_stops_all_after_a_crash(tmp_path: Path) -> None:
    document = up(tmp_path)
    for pid in (document["pids"]["gateway"][0], document["pids"]["redis"]):
        os.kill(pid, signal.SIGKILL)
    assert "stopped 5 processes" in command("down", "--var", str(tmp_path)).stdout
    assert all(start_time(pid) is None for pid in pids(document))
    assert not (tmp_path / "demo" / "demo.json").exists()


def test_down_stops_what_an_up_that_was_killed_at_once_had_started(tmp_path: Path) -> None:
    """While the nomenclatures are brought in, nothing that serves is recorded yet."""
    starter = subprocess.Popen([sys.executable, "-m", "deploy.demo", "up", "--var", str(tmp_path)], cwd=ROOT,
                               stdout=subprocess.DEVNULL)
    begun = System(places(tmp_path)[0], print)
    while not (left := begun.left_behind()) and starter.poll() is None:
        time.sleep(0.005)
    starter.kill()
    starter.wait()
    assert left
    assert not (tmp_path / "demo" / "processes.json").exists()
    assert command("down", "--var", str(tmp_path)).returncode == 0
    assert all(start_time(process.pid) is None for process in left)


def test_down_stops_what_is_left_of_a_system_whose_folder_is_gone(tmp_path: Path) -> None:
    place = places(tmp_path)[0]
    left = subprocess.Popen(["sleep", "300"], env=Supervisor(place.records, tmp_path).environment())
    try:
        assert str(left.pid) in command("status", "--var", str(tmp_path)).stdout
        assert "stopped 1 processes" in command("down", "--var", str(tmp_path)).stdout
        assert left.wait(LIMIT_S) == -signal.SIGTERM
    finally:
        left.kill()


def test_down_stops_what_an_up_that_was_killed_had_started(tmp_path: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-m", "deploy.demo", "up", "--var", str(tmp_path)], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter.stdout as output:
        for line in output:
            if "starting OPA" in line:
                break
        time.sleep(0.3)
        starter.kill()
        starter.wait()
    records = json.loads((tmp_path / "demo" / "processes.json").read_text())
    assert records["processes"]
    assert "stopped" in command("down", "--var", str(tmp_path)).stdout
    assert all(start_time(p["pid"]) is None for p in records["processes"])
