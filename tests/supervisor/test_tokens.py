"""Tokens with two real workers: a revocation reaches both, a rotation of keys costs no call."""

import base64
import json
from pathlib import Path

from gateway_addons.adapters.journal.reader import CALL, records
from tests.e2e.conftest import Consumer
from tests.supervisor.conftest import HEALTH, Gateway, load, until

A_SECOND_AND_A_WIDE_MARGIN_S = 3.0


def writer_of(gateway: Gateway, request_id: str) -> str:
    found: list[str] = []

    def seen() -> bool:
        found[:] = [r.writer for r in records(Path(gateway.running.document["journal"])) if r.kind == CALL and r.fields["requestId"] == request_id]
        return bool(found)

    assert until(seen)
    return found[0]


def at_each_worker(gateway: Gateway, token: str) -> dict[str, Consumer]:
    """A consumer with an open connection to each of the two workers, all with the same token."""
    by_writer: dict[str, Consumer] = {}
    for _ in range(40):
        consumer = gateway.running.consumer("anfm", "sandbox")
        consumer.token = token
        by_writer[writer_of(gateway, consumer.call("GET", HEALTH).headers["X-Request-ID"])] = consumer
        if len(by_writer) == 2:
            return by_writer
    raise AssertionError("all connections went to one worker")


def test_a_revoked_token_is_refused_on_every_worker_within_a_second(gateway: Gateway) -> None:
    first = gateway.running.consumer("anfm", "sandbox")
    consumers = at_each_worker(gateway, first.ask_token())
    assert {c.call("GET", HEALTH).status_code for c in consumers.values()} == {200}
    answer = first.http.post(first.environment["base_url"] + "/revoke", data={"token": first.token}, auth=(first.own["client_id"], first.own["client_secret"]))
    assert answer.status_code == 200
    assert until(lambda: {c.call("GET", HEALTH).status_code for c in consumers.values()} == {401}, A_SECOND_AND_A_WIDE_MARGIN_S)
    gateway.reload()
    again = gateway.running.consumer("anfm", "sandbox")
    again.token = first.token
    assert again.call("GET", HEALTH).status_code == 401, "new workers know it from their start"


def test_a_rotation_of_keys_with_two_workers_costs_no_call(gateway: Gateway) -> None:
    with load(gateway.running) as sent:
        done = gateway.command("token-key", "rotate", "--reason", "essai", "--lead-s", "3", "--json")
        assert done.returncode == 0, done.stderr
        kid = json.loads(done.stdout)["kid"]

        def signed_by_the_new_key() -> bool:
            """Also when it was issued by one worker and is shown to the other, on a new connection."""
            one, other = gateway.running.consumer("charge"), gateway.running.consumer("charge")
            other.token = one.ask_token()
            sent.statuses.append(other.call("GET", HEALTH).status_code)
            head = other.token.partition(".")[0]
            return bool(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"] == kid)

        assert until(signed_by_the_new_key)
        for _ in range(10):
            assert signed_by_the_new_key()
    assert sent.failures == []
    assert set(sent.statuses) == {200}
