"""`poterne quota` beside a running gateway: what it shows is what was called, and a reset is written down and works."""

import json
from typing import Any

from typer.testing import CliRunner

from deploy.demo.place import places
from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.reader import records
from tests.e2e.conftest import Running

STATE = "/infinoe/v1/etatSante"


def poterne(running: Running, *words: str) -> tuple[int, str]:
    settings = places(running.folder)[0].gateway_settings
    result = CliRunner().invoke(app, ["quota", *words, "--config", str(settings)])
    return result.exit_code, result.output


def shown(running: Running, contract: str) -> dict[str, Any]:
    code, text = poterne(running, "show", contract, "--json")
    assert code == 0, text
    (use,) = [u for u in json.loads(text) if u["environment"] == "production"]
    return dict(use)


def test_show_and_reset(own_system: Running) -> None:
    consumer = own_system.consumer("anfm")
    contract, limit = consumer.own["contract"], consumer.own["calls_per_minute"]
    assert poterne(own_system, "show") == (0, "no call in the last hour\n")
    answers = [consumer.call("GET", STATE) for _ in range(limit + 3)]
    assert [a.status_code for a in answers] == [200] * limit + [429] * 3
    assert [("poterne-warning" in a.headers["RateLimit"]) for a in answers] == [
        i + 1 >= 0.8 * limit for i in range(limit + 3)]
    use = shown(own_system, contract)
    assert (use["used"], use["limit"], use["accepted_last_hour"], use["refused_last_hour"]) == (limit, limit, limit, 3)
    assert 0 < use["free_in_s"] <= 60
    assert contract in poterne(own_system, "show")[1].replace("\n", "")

    code, text = poterne(own_system, "reset", contract, "--reason", "reprise après incident")
    assert code == 0, text
    assert consumer.call("GET", STATE).headers["RateLimit"].startswith(f'"appels";r={limit - 1};')
    assert shown(own_system, contract)["accepted_last_hour"] == limit + 1
    acts = [record.fields for record in records(places(own_system.folder)[0].journal)
            if record.kind == "acte" and record.fields["acte"] == "quota.reset"]
    assert [(a["acte"], a["sujet"]["convention"], a["motif"], a["sujet"]["etat"]) for a in acts] == [
        ("quota.reset", contract, "reprise après incident", etat) for etat in ("annonce", "fait")]
    assert acts[1]["sujet"]["appelsOublies"] == str(limit)
    assert acts[0]["acteId"] == acts[1]["acteId"]

    assert poterne(own_system, "reset", contract, "--reason", "  ")[0] == 2
    quota = own_system.records()[-1]["quota"]
    assert quota.pop("instant_us") > 0
    assert quota == {"accepte": True, "limite": limit, "restant": limit - 1, "fenetre": "redis"}
