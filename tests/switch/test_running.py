"""The switch on two gateways with three workers, over connections that are open: who is cut, when, and what is written."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from typer.testing import CliRunner, Result

from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.reader import records
from tests.e2e.conftest import Consumer, start
from tests.e2e.test_exchange import COMPTABLES, name
from tests.supervisor.conftest import HEALTH, Gateway
from tests.support.second_gateway import SecondGateway, second_gateway

FEATURE_S = 1.0
MARGIN_S = 10.0
"""The machine may be busy with other tests, and a call takes its time while Redis hangs; the time of the cut is printed."""
VERIFIED = ("--element-malveillant-supprime", "--vulnerabilites-corrigees", "--par", "RSSI", "--le", "2026-01-05T10:00")
CONSUMER = "charge"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Two workers on one port."""
    for running in start(tmp_path_factory.mktemp("switch")):
        gateway = Gateway(running)
        gateway.change(workers=2, quota={"on_failure": "local", "local_share": 0.5}, environments=_while_redis_is_away(gateway))
        assert gateway.reload()["done"] is True
        yield gateway


def _while_redis_is_away(gateway: Gateway) -> dict[str, Any]:
    """Tokens are believed by what was known last, so that the switch alone decides."""
    found: dict[str, Any] = yaml.safe_load(gateway.settings_file.read_text())["environments"]
    for own in found.values():
        own["tokens"]["revocation"] = {"on_stale": "last_known"}
    return found


@pytest.fixture(scope="module")
def other(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondGateway]:
    """One worker of another gateway, with a mirror of its own."""
    with second_gateway(gateway.running, tmp_path_factory.mktemp("other"), workers=1) as other:
        yield other


def told(consumer: Consumer, method: str = "GET", path: str = HEALTH, body: Any = None) -> str:
    """`200`, or the code of the refusal."""
    answer = consumer.call(method, path, body)
    return str(answer.status_code) if answer.status_code < 300 else str(answer.json()["erreur"]["code"])


def open_connections(gateway: Gateway, other: SecondGateway | None, who: str = CONSUMER) -> list[Consumer]:
    """So many that every worker has some; each has made a call."""
    consumers = [gateway.running.consumer(who) for _ in range(8)] + ([other.consumer(who)] if other else [])
    token = consumers[0].ask_token()
    for consumer in consumers:
        consumer.token = token
        assert told(consumer) == "200"
    return consumers


def until_nothing_is_cut(gateway: Gateway) -> None:
    """Every worker has heard of what was restored. A new connection may be any worker's, so each of many is asked."""
    start_s = time.monotonic()
    while not all(_gets_a_token(gateway) for _ in range(8)):
        assert time.monotonic() - start_s < FEATURE_S + MARGIN_S, "restored, but a worker still refuses"


def _gets_a_token(gateway: Gateway) -> bool:
    consumer = gateway.running.consumer(CONSUMER)
    with consumer.http:
        asked = consumer.http.post(consumer.environment["token_url"], data={"grant_type": "client_credentials"},
                                   auth=(consumer.own["client_id"], consumer.own["client_secret"]))
    return asked.status_code == 200


@pytest.fixture(autouse=True)
def nothing_stays_cut(gateway: Gateway) -> Iterator[None]:
    yield
    for switch in listed(gateway):
        restore(gateway, switch["id"])
    until_nothing_is_cut(gateway)


def command(gateway: Gateway | SecondGateway, *words: str) -> Result:
    """`poterne switch` with that gateway's settings."""
    return CliRunner().invoke(app, ["switch", *words, "--config", str(gateway.settings_file)])


def listed(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command(gateway, "list", "--json").stdout)
    return found


def put(gateway: Gateway | SecondGateway, *words: str) -> dict[str, Any]:
    done = command(gateway, *words, "--reason", "essai du levier", "--author", "anne", "--json")
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer | {"stderr": done.stderr}


def restore(gateway: Gateway | SecondGateway, switch: str) -> None:
    done = command(gateway, "restore", switch, *VERIFIED)
    assert done.exit_code == 0, done.stderr


def until_all(consumers: list[Consumer], expected: str, ask: Callable[[Consumer], str] = told) -> float:
    """Seconds until every connection was told so."""
    start_s, left = time.monotonic(), list(consumers)
    while left:
        left = [c for c in left if ask(c) != expected]
        assert not left or time.monotonic() - start_s < FEATURE_S + MARGIN_S, f"{len(left)} connections are still not told {expected}"
    return time.monotonic() - start_s


def test_a_cut_reaches_every_open_connection_of_every_worker(
    gateway: Gateway, other: SecondGateway, record_property: Callable[[str, object], None]
) -> None:
    consumers = open_connections(gateway, other)
    bystander = gateway.running.consumer("musee")
    contract = consumers[0].own["contract"]
    before = set(gateway.workers().values())
    cut = put(gateway, "cut", "--convention", contract)
    took = until_all(consumers, "INF-SUSP-02")
    record_property("seconds_after_the_command", took)
    print(f"cut on {len(consumers)} connections of 3 workers {took:.3f} s after the command had ended")  # noqa: T201
    assert (cut["shared"], cut["durable"], cut["notices"], cut["unfinished"]) == (True, True, [contract], None)
    assert told(bystander) == "200"
    assert consumers[0].http.post(consumers[0].environment["token_url"], data={"grant_type": "client_credentials"},
                                  auth=(consumers[0].own["client_id"], consumers[0].own["client_secret"])).status_code in {400, 401, 403}
    assert set(gateway.workers().values()) == before

    assert [(s["id"], s["kind"], s["value"], s["reason"], s["author"], s["notices_unsent"]) for s in listed(gateway)] == [
        (cut["id"], "cut", contract, "essai du levier", "anne", 1)]
    (notice,) = json.loads(command(gateway, "notices", "--json").stdout)
    assert (notice["convention"], notice["nature"]) == (contract, "coupure")
    assert {d["role"] for d in notice["destinataires"]} >= {"responsable_technique"}
    assert cut["id"] in notice["texte"]
    assert "essai du levier" not in notice["texte"]
    done = command(gateway, "notified", cut["id"], "--message-id", "<1@example>")
    assert done.exit_code == 0, done.stderr
    assert json.loads(command(gateway, "notices", "--json").stdout) == []

    for words in ((), VERIFIED[1:], (VERIFIED[0], *VERIFIED[2:]), (*VERIFIED[:5], "2999-01-01")):
        refused = command(gateway, "restore", cut["id"], *words)
        assert (refused.exit_code, "8-g4" in refused.stderr) == (2, True), refused.stderr
    assert told(consumers[0]) == "INF-SUSP-02"
    restore(gateway, cut["id"])
    until_all(consumers, "200")

    folder = Path(gateway.running.document["journal"])
    acts = [r.fields for r in records(folder) if r.kind == "acte" and r.fields["acte"].startswith("switch.")]
    assert [(a["acte"], a["sujet"].get("etat")) for a in acts] == [
        ("switch.cut", "annonce"), ("switch.cut", "fait"), ("switch.notice", None),
        ("switch.restore", "annonce"), ("switch.restore", "fait")]
    assert {(a["acteur"]["nom"], a["motif"]) for a in acts[:2]} == {("anne", "essai du levier")}
    assert acts[3]["sujet"]["par"] == "RSSI"


@pytest.mark.parametrize(("words", "code"), [
    (("--certificate", "CERT"), "INF-SUSP-02"), (("--client", "CLIENT"), "INF-SUSP-02"), (("--ip", "127.0.0.0/8"), "INF-SUSP-02"),
    (("--all", "--environment", "production"), "700700"),
], ids=lambda w: w[0] if isinstance(w, tuple) else w)
def test_each_target(gateway: Gateway, words: tuple[str, ...], code: str) -> None:
    consumer = open_connections(gateway, None)[0]
    given = {"CERT": consumer.own["cert_file"], "CLIENT": consumer.own["client_id"]}
    cut = put(gateway, "cut", *(given.get(w, w) for w in words))
    assert consumer.own["contract"] in cut["notices"]
    until_all([consumer], code)
    assert words[0] == "--ip" or told(gateway.running.consumer(CONSUMER, "sandbox")) == "200"
    restore(gateway, cut["id"])
    until_all([consumer], "200")


def lot(consumer: Consumer) -> str:
    return told(consumer, "POST", COMPTABLES, consumer.lot(name()))


def test_a_flux_is_cut_and_a_restriction_leaves_what_it_names(gateway: Gateway) -> None:
    consumer = open_connections(gateway, None)[0]
    assert lot(consumer) == "201"
    cut = put(gateway, "cut", "--flux", "comptable")
    until_all([consumer], "INF-SUSP-02", lot)
    assert told(consumer) == "200"
    restore(gateway, cut["id"])
    until_all([consumer], "201", lot)
    restriction = put(gateway, "restrict", "--convention", consumer.own["contract"], "--operations", "modifier",
                      "--appels-par-minute", "100000")
    until_all([consumer], "INF-SUSP-05", lot)
    assert told(consumer) == "200"
    restore(gateway, restriction["id"])
    until_all([consumer], "201", lot)
    limited = put(gateway, "restrict", "--convention", consumer.own["contract"], "--appels-par-minute", "1",
                  "--until", "2199-01-01")
    until_all([consumer], "900804")
    restore(gateway, limited["id"])
    until_all([consumer], "200")


@pytest.mark.parametrize(("words", "why"), [
    (("cut", "--convention", "CONV-INCONNUE"), "no active contract"), (("cut",), "exactly one"),
    (("cut", "--all", "--ip", "192.0.2.1"), "exactly one"), (("cut", "--ip", "192.0.2.1/8"), "host bits"),
    (("cut", "--certificate", "zz"), "64 hexadecimal"), (("cut", "--all", "--until", "2020-01-01"), "over already"),
    (("cut", "--all", "--until", "2999-01-01"), "too far ahead"),
    (("restrict", "--all"), "what is left"), (("restrict", "--all", "--operations", "lire"), "none of"),
], ids=str)
def test_what_is_wrong_is_told_and_nothing_is_cut(gateway: Gateway, words: tuple[str, ...], why: str) -> None:
    done = command(gateway, *words, "--reason", "x")
    assert (done.exit_code, why in done.stderr) == (2, True), done.stderr
    assert listed(gateway) == []


def test_without_a_place_for_the_notice_nothing_is_cut(gateway: Gateway) -> None:
    """12-b: a suspension without its notice is impossible."""
    notices = gateway.running.folder / "demo" / "state" / "notices"
    kept = notices.with_name("notices.kept")
    if notices.exists():
        notices.rename(kept)
    notices.write_text("in the way")
    try:
        done = command(gateway, "cut", "--all", "--reason", "x")
        assert done.exit_code == 2, done.stdout
    finally:
        notices.unlink()
        if kept.exists():
            kept.rename(notices)
    assert listed(gateway) == []
    assert told(gateway.running.consumer(CONSUMER)) == "200"


def test_while_redis_is_away_what_was_cut_stays_cut_and_this_machine_still_cuts(gateway: Gateway, other: SecondGateway) -> None:
    consumers, elsewhere = open_connections(gateway, None), open_connections(gateway, other)[-1]
    known = put(gateway, "cut", "--client", consumers[0].own["client_id"])
    until_all([*consumers, elsewhere], "INF-SUSP-02")
    pid = gateway.running.document["pids"]["redis"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert {told(c) for c in consumers} == {"INF-SUSP-02"}
        here = put(gateway, "cut", "--all", "--environment", "production")
        assert (here["shared"], here["durable"]) == (False, True)
        assert "other gateways will know when it is back" in here["stderr"]
        until_all(consumers, "700700")
        assert told(elsewhere) == "INF-SUSP-02"
    finally:
        os.kill(pid, signal.SIGCONT)
    until_all([elsewhere], "700700")
    for switch in (known, here):
        restore(gateway, switch["id"])
    until_all([*consumers, elsewhere], "200")


def test_a_cut_survives_the_restart_of_everything_and_an_emptied_redis(gateway: Gateway, tmp_path: Path) -> None:
    token = gateway.running.consumer(CONSUMER).ask_token()
    with second_gateway(gateway.running, tmp_path, workers=1) as one:
        cut = put(one, "cut", "--convention", one.consumer(CONSUMER).own["contract"])
        until_all(with_token(one, token), "INF-SUSP-02")
    with redis.Redis.from_url(gateway.running.document["redis_url"]) as admin:
        for key in admin.scan_iter("poterne:register:{switches}*"):
            admin.delete(key)
    with second_gateway(gateway.running, tmp_path, workers=1) as one:
        assert told(with_token(one, token)[0]) == "INF-SUSP-02", "from the first call on"
        restore(one, cut["id"])
        until_all(with_token(one, token), "200")


def with_token(one: SecondGateway, token: str) -> list[Consumer]:
    """A connection with a token that was issued before the cut."""
    consumer = one.consumer(CONSUMER)
    consumer.token = token
    return [consumer]


def test_where_switches_were_never_read_nothing_passes(gateway: Gateway, tmp_path: Path) -> None:
    consumer = gateway.running.consumer(CONSUMER)
    token = consumer.ask_token()
    nowhere = {"url": "redis://127.0.0.1:9/0", "timeout_s": 0.3}
    with second_gateway(gateway.running, tmp_path, await_ready=False, workers=1, redis=nowhere) as one:
        there = one.consumer(CONSUMER)
        there.token = token
        assert told(there) == "INF-DEP-06"
