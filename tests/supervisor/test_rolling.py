"""With two real workers under load: nothing that the operator does, or that a crash does, costs a call that it need not."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
import yaml

from gateway_addons.adapters.journal.reader import CALL, records
from tests.e2e.conftest import Consumer, Running
from tests.e2e.test_exchange import COMPTABLES, name
from tests.e2e.test_faults import frozen
from tests.supervisor.conftest import HEALTH, Gateway, alive, load, until


def test_two_workers_serve_one_port_one_quota_and_two_parts_of_the_journal(gateway: Gateway) -> None:
    before, counted = len(gateway.running.records()), gateway.counted("poterne_calls_total")
    for _ in range(12):
        consumer = gateway.running.consumer("musee", "sandbox")
        remaining = [int(consumer.call("GET", HEALTH).headers["RateLimit"].partition("r=")[2].partition(";")[0])]
        assert len(remaining) == 1
    answers = [gateway.running.consumer("musee", "sandbox").call("GET", HEALTH).headers["RateLimit"] for _ in range(8)]
    left = [int(a.partition("r=")[2].partition(";")[0]) for a in answers]
    assert left == list(range(left[0], left[0] - 8, -1)), "each call, at whichever worker, takes one place of one window"
    new = gateway.running.records()[before:]
    assert len(new) == 40, "a token and a call each"
    assert gateway.counted("poterne_calls_total") == counted + 40
    parts = {r.writer for r in records(Path(gateway.running.document["journal"])) if r.kind == CALL}
    assert len(parts) >= 2


def test_reload_under_load_fails_no_call(gateway: Gateway) -> None:
    pids, counted = set(gateway.workers().values()), gateway.counted("poterne_calls_total")
    idle = gateway.running.consumer("charge")
    idle.call("GET", HEALTH)
    with load(gateway.running) as sent:
        assert until(lambda: len(sent.statuses) > 100)
        gateway.change(workers=3)
        assert gateway.reload()["done"] is True
        three = gateway.workers()
        assert set(three) == {0, 1, 2}
        gateway.change(workers=2)
        os.kill(gateway.pid, signal.SIGHUP)
        assert until(lambda: set(gateway.workers()) == {0, 1} and not {*pids, *three.values()} & set(gateway.workers().values()))
        so_far = len(sent.statuses)
        assert until(lambda: len(sent.statuses) > so_far + 100)
        assert idle.call("GET", HEALTH).status_code == 200, "its connection was idle all the while"
    assert sent.failures == []
    assert set(sent.statuses) == {200}
    assert until(lambda: not any(alive(pid) for pid in pids)), "who was replaced leaves"
    assert gateway.counted("poterne_calls_total") >= counted + len(sent.statuses), "what they had counted stays counted"
    assert gateway.ready()[0] == 200


@pytest.mark.parametrize(("change", "why"), [
    ({"extra": 1}, "Extra inputs are not permitted"),
    ({"admin": {"host": "127.0.0.1", "port": 1}}, "admin cannot change"),
    ({"apis": ["/nowhere/api.yaml"]}, "/nowhere/api.yaml"),
])
def test_settings_that_cannot_be_used_are_refused_and_the_old_stay(gateway: Gateway, change: dict[str, object], why: str) -> None:
    good, pids = gateway.settings_file.read_text(), gateway.workers()
    gateway.change(**change)
    try:
        if "extra" in change:
            told = gateway.command("reload")
            assert (told.returncode, why in told.stderr) == (2, True), told.stderr
            os.kill(gateway.pid, signal.SIGHUP)
            assert until(lambda: any(why in line["why"] for line in gateway.logged("reload_refused")))
        else:
            answer = gateway.reload()
            assert answer["done"] is False
            assert why in answer["why"]
    finally:
        gateway.settings_file.write_text(good)
    assert gateway.workers() == pids
    assert gateway.running.consumer("charge").call("GET", HEALTH).status_code == 200


def test_pinned_workers_have_a_core_each(gateway: Gateway) -> None:
    may_use = os.sched_getaffinity(gateway.pid)
    gateway.change(pin_workers=True)
    try:
        assert gateway.reload()["done"] is True
        cores = [os.sched_getaffinity(pid) for _, pid in sorted(gateway.workers().items())]
        threads = [os.sched_getaffinity(int(t.name)) for t in Path(f"/proc/{gateway.workers()[0]}/task").iterdir()]
    finally:
        gateway.change(pin_workers=False)
        assert gateway.reload()["done"] is True
    assert cores == [{sorted(may_use)[slot % len(may_use)]} for slot in range(2)]
    assert threads == [cores[0]] * len(threads)
    assert os.sched_getaffinity(gateway.pid) == may_use
    assert all(os.sched_getaffinity(pid) == may_use for pid in gateway.workers().values())


def test_a_worker_restarted_after_a_crash_has_the_settings_that_were_accepted(gateway: Gateway) -> None:
    """The file may hold a half-written change by then."""
    good, pids = gateway.settings_file.read_text(), gateway.workers()
    gateway.settings_file.write_text("schema: 1\nnonsense")
    try:
        os.kill(pids[0], signal.SIGKILL)
        assert until(lambda: gateway.ready()[0] == 200 and gateway.workers().get(0) not in {None, pids[0]})
    finally:
        gateway.settings_file.write_text(good)


def test_killed_under_load_the_others_serve_and_it_is_replaced(gateway: Gateway) -> None:
    pids = gateway.workers()
    with load(gateway.running, kept=4, anew=2) as sent:
        assert until(lambda: len(sent.statuses) > 60)
        crashed = len(gateway.logged("worker_crashed"))
        os.kill(pids[0], signal.SIGKILL)
        so_far = len(sent.statuses)
        assert until(lambda: len(sent.statuses) > so_far + 60)
        assert until(lambda: gateway.workers().get(0) not in {None, pids[0]})
        assert until(lambda: gateway.ready()[0] == 200)
    assert gateway.workers()[1] == pids[1]
    assert set(sent.statuses) == {200}
    assert len(sent.failures) <= 6 + 4, "what the killed worker had in hand, and who came to its socket before that was paused"
    assert len(gateway.logged("worker_crashed")) == crashed + 1
    records = [r for r in gateway.running.records() if r.get("interrompu")]
    assert all(r["statut"] is None for r in records)


def test_a_worker_that_hangs_is_replaced(gateway: Gateway) -> None:
    pids = gateway.workers()
    os.kill(pids[1], signal.SIGSTOP)
    assert gateway.ready()[0] == 503
    assert until(lambda: gateway.workers().get(1) not in {None, pids[1]} and gateway.ready()[0] == 200, 60)
    assert not alive(pids[1])
    assert gateway.logged("worker_hangs")


def test_a_second_gateway_on_the_same_state_or_ports_does_not_start(gateway: Gateway, tmp_path: Path) -> None:
    second = gateway.command("run")
    assert (second.returncode, f"pid {gateway.pid}" in second.stderr) == (2, True), second.stderr
    text = gateway.settings_file.read_text()
    other = Gateway(gateway.running)
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    document = gateway.running.document | {"gateway_settings": str(file)}
    other.running = Running(document, gateway.running.system, gateway.running.folder)
    other.change(state={"folder": str(tmp_path / "state")}, admin={"port": 0},
                 journal=yaml.safe_load(text)["journal"] | {"folder": str(tmp_path / "j")})
    third = other.command("run")
    assert (third.returncode, "listen" in third.stderr and "cannot be used" in third.stderr) == (2, True), third.stderr


def test_sigterm_drains_both_and_leaves_nobody(own_gateway: Gateway) -> None:
    running = own_gateway.running
    own_gateway.change(workers=2)
    own_gateway.reload()
    pids = [own_gateway.pid, *own_gateway.workers().values()]
    consumers = [running.consumer("charge") for _ in range(6)]
    for consumer in consumers:
        consumer.call("GET", HEALTH)
    answers: list[httpx.Response] = []

    def send(consumer: Consumer) -> None:
        answers.append(consumer.call("POST", COMPTABLES, consumer.lot(name())))

    with frozen(*running.document["pids"]["backend"]):
        threads = [threading.Thread(target=send, args=(consumer,)) for consumer in consumers]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        os.kill(own_gateway.pid, signal.SIGTERM)
        time.sleep(0.5)
    for thread in threads:
        thread.join(timeout=20)
    assert [a.status_code for a in answers] == [201] * 6
    assert {a.headers["Connection"] for a in answers} == {"close"}
    assert until(lambda: not any(alive(pid) for pid in pids))


def test_workers_end_when_their_supervisor_is_killed(own_gateway: Gateway) -> None:
    pids = list(own_gateway.workers().values())
    os.kill(own_gateway.pid, signal.SIGKILL)
    assert until(lambda: not any(alive(pid) for pid in pids))
