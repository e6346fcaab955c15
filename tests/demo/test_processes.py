"""Supervision, shown on stand-in processes: what is started is recorded, found after a crash, stopped; nobody else is."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import processes
from deploy.demo.processes import Process, StartFailed, Supervisor, send, start_time
from deploy.demo.readiness import await_ready

SLEEP = ["sleep", "300"]
STUBBORN = [sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "processes.json", tmp_path / "logs")
    yield made
    made.stop()


@pytest.fixture
def innocent() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def test_starts_and_stops(supervisor: Supervisor, tmp_path: Path) -> None:
    one = supervisor.start("one", "gateway", SLEEP, tmp_path)
    two = supervisor.start("two", "redis", SLEEP, tmp_path)
    assert supervisor.running() == [one, two]
    assert supervisor.stop() == 2
    assert not one.running()
    assert not two.running()
    assert not (tmp_path / "processes.json").exists()


def test_who_serves_ends_before_what_it_depends_on(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    for role in ("redis", "backend", "gateway", "opa"):
        script = f"trap 'echo {role} >> {order}; exit' TERM; echo up; while :; do sleep 0.02; done"
        supervisor.start(role, role, ["sh", "-c", script], tmp_path)
    for role in ("redis", "backend", "gateway", "opa"):
        wait_for_log(tmp_path / "logs" / f"{role}.log")
    supervisor.stop()
    assert order.read_text().split() == ["gateway", "backend", "opa", "redis"]


def wait_for_log(log: Path) -> None:
    deadline = time.monotonic() + 10
    while not log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log.read_text() == "up\n"


def test_one_that_does_not_listen_is_killed(supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.3)
    stubborn = supervisor.start("stubborn", "gateway", STUBBORN, tmp_path)
    wait_for_log(tmp_path / "logs" / "stubborn.log")
    supervisor.stop()
    assert not stubborn.running()


def test_another_process_finds_and_stops_what_a_crash_left(tmp_path: Path) -> None:
    """The starter is killed with SIGKILL; only its records remain."""
    script = (f"from pathlib import Path; from deploy.demo.processes import Supervisor; import time\n"
              f"s = Supervisor(Path({str(tmp_path / 'p.json')!r}), Path({str(tmp_path / 'logs')!r}))\n"
              f"s.start('one', 'opa', {SLEEP!r}, Path('/')); print('up', flush=True); time.sleep(300)")
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert starter.stdout is not None
    with starter.stdout as output:
        assert output.readline() == b"up\n"
        starter.kill()
        starter.wait()
    found = Supervisor(tmp_path / "p.json", tmp_path / "logs")
    left = found.running()
    assert [p.name for p in left] == ["one"]
    assert found.stop() == 1
    assert start_time(left[0].pid) is None


def test_a_process_without_a_record_is_found_by_its_mark(tmp_path: Path, supervisor: Supervisor) -> None:
    """As when the starter is killed between starting and recording."""
    supervisor.start("one", "opa", SLEEP, tmp_path)
    stray = subprocess.Popen(SLEEP, env=supervisor.environment())
    try:
        assert [p.pid for p in supervisor.left_behind()] == [stray.pid]
        assert supervisor.stop() == 2
        assert stray.wait(timeout=5) == -signal.SIGTERM
    finally:
        stray.kill()


def test_what_runs_is_found_when_its_records_are_lost(tmp_path: Path) -> None:
    """Removed by hand, or never written: the starter may be killed before the first of its processes is recorded."""
    supervisor = Supervisor(tmp_path / "processes.json", tmp_path / "logs")
    one = supervisor.start("one", "opa", SLEEP, tmp_path)
    (tmp_path / "processes.json").unlink()
    beside = Supervisor(tmp_path / "elsewhere" / "processes.json", tmp_path / "logs")
    assert (beside.left_behind(), beside.stop()) == ([], 0)
    found = Supervisor(tmp_path / "processes.json", tmp_path / "logs")
    assert (found.running(), [p.pid for p in found.left_behind()]) == ([], [one.pid])
    assert found.stop() == 1
    assert supervisor.stop() == 0
    assert start_time(one.pid) is None


def test_a_pid_that_was_given_to_somebody_else_is_left_alone(tmp_path: Path, innocent: subprocess.Popen[bytes]) -> None:
    started = start_time(innocent.pid)
    assert started is not None
    records = tmp_path / "processes.json"
    records.write_text(json.dumps({"processes": [
        {"name": "gateway", "role": "gateway", "pid": innocent.pid, "started": started - 1}]}))
    supervisor = Supervisor(records, tmp_path / "logs")
    assert supervisor.running() == []
    assert supervisor.stop() == 0
    assert not send(Process("gateway", "gateway", innocent.pid, started - 1), signal.SIGKILL)
    time.sleep(0.1)
    assert innocent.poll() is None


@pytest.mark.parametrize("content", ["", "{", "{}", '{"processes": [{"pid": 1}]}'])
def test_records_cut_short_by_a_crash_are_no_records(tmp_path: Path, content: str) -> None:
    (tmp_path / "processes.json").write_text(content)
    assert Supervisor(tmp_path / "processes.json", tmp_path / "logs").stop() == 0


def test_a_command_that_is_not_there(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="opa: /absent/opa cannot be started"):
        supervisor.start("opa", "opa", ["/absent/opa"], tmp_path)


def test_a_process_that_ends_early_shows_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    process = supervisor.start("opa", "opa", ["sh", "-c", "echo the reason; exit 1"], tmp_path)
    with pytest.raises(StartFailed, match=r"opa ended instead of starting(?s:.*)the reason"):
        await_ready(supervisor, process, lambda: "nothing")


def test_a_process_that_never_gets_ready_is_waited_for_no_longer_than_said(supervisor: Supervisor, tmp_path: Path) -> None:
    process = supervisor.start("redis", "redis", SLEEP, tmp_path)
    with pytest.raises(StartFailed, match=r"redis was not ready after 0 s \(no PONG\)"):
        await_ready(supervisor, process, lambda: "no PONG", limit_s=0.2)


def test_left_processes_live_on(supervisor: Supervisor, tmp_path: Path) -> None:
    process = supervisor.start("one", "opa", SLEEP, tmp_path)
    supervisor.leave()
    other = Supervisor(tmp_path / "processes.json", tmp_path / "logs")
    assert other.running() == [process]
    assert other.stop() == 1
