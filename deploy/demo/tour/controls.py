"""The first three controls: certificate (4-C1), source address (4-C2), technical identifier (4-C3)."""

from pathlib import Path

from deploy.demo.tour import lots
from deploy.demo.tour.exchange import Request
from deploy.demo.tour.stage import API, STATE, Call, Stage

ALERTS = (
    ("expired", "expired yesterday", "certificate expired"),
    ("not_yet_valid", "valid from tomorrow only", "bad certificate"),
    ("revoked", "on its authority's revocation list", "certificate revoked"),
    ("unknown_ca", "right names, unknown authority", "unknown ca"),
    ("same_name_ca", "right names, an authority that only bears the right name", "unknown ca"),
    ("self_signed", "right names, vouched for by itself", "unknown ca"),
    ("server_auth_only", "for serverAuth only", "unsupported certificate"),
)
"""Bad certificates, and the alert (RFC 8446 section 6.2) that ends their handshake."""


def certificate(stage: Stage) -> None:
    """4-C1: the certificate is valid, for this use, not revoked, of a known authority, and registered in a contract."""
    stage.scene = "C1 certificate"
    comptables = f"{API}/ecritures/comptables"
    stage.make("SIREN in OU=0002 ...: a lot of two entries", "201",
               Call("anfm", "POST", comptables, lots.accounting(stage.consumer("anfm"))))
    stage.make("SIREN in organizationIdentifier: a lot of two entries", "201",
               Call("ecole", "POST", comptables, lots.accounting(stage.consumer("ecole"))))
    stage.make("the same over TLS 1.2", "200", Call("ecole", "GET", STATE, tls12=True, client="curl"))
    stage.make("no certificate", "TLS alert: certificate required", Call("anfm", "GET", STATE, certificate=None, client="curl"))
    stage.make("no certificate", "TLS alert: certificate required", Call("anfm", "GET", STATE, certificate=None, client="httpx"))
    for name, what, alert in ALERTS:
        stage.make(what, f"TLS alert: {alert}", Call("anfm", "GET", STATE, certificate=name))
    stage.make("expired, over TLS 1.2", "TLS alert: certificate expired",
               Call("anfm", "GET", STATE, certificate="expired", tls12=True, client="httpx"))
    stage.make("valid, registered in no contract", "403 INF-CERT-06", Call("anfm", "GET", STATE, certificate="unregistered"))
    stage.make("another consumer's certificate, the rest one's own", "403 INF-IDT-03",
               Call("anfm", "GET", STATE, certificate="ecole"))
    _plain_http(stage)


def _plain_http(stage: Stage) -> None:
    """A TLS port must not speak plain HTTP to anyone."""
    site = stage.site("production")
    answer = stage.send(Request(site["base_url"].replace("https:", "http:") + STATE, "GET", Path(site["ca_file"])), "curl")
    stage.row("plain HTTP on the TLS port", "no HTTP answer", answer,
              str(answer) if answer.status is not None else "no HTTP answer")


def address(stage: Stage) -> None:
    """4-C2: the TCP peer's address is among the contract's; a header says nothing about it."""
    stage.scene = "C2 address"
    forwarded = (("X-Forwarded-For", "127.0.0.1"),)
    stage.make("from a declared address", "200", Call("anfm", "GET", STATE, client="curl"))
    stage.make("from 127.0.0.2, not declared", "403 900805", Call("anfm", "GET", STATE, source="127.0.0.2", client="curl"))
    stage.make("from 127.0.0.2, not declared", "403 900805", Call("anfm", "GET", STATE, source="127.0.0.2", client="httpx"))
    stage.make("from 127.0.0.2, claiming X-Forwarded-For: 127.0.0.1", "403 900805",
               Call("anfm", "GET", STATE, source="127.0.0.2", more=forwarded, client="curl"))
    stage.make("from 127.0.0.2, claiming Forwarded: for=127.0.0.1", "403 900805",
               Call("anfm", "GET", STATE, source="127.0.0.2", more=(("Forwarded", "for=127.0.0.1"),)))


def identifier(stage: Stage) -> None:
    """4-C3: ID_Teleservice is there, once, well formed, and the contract's own."""
    stage.scene = "C3 identifier"
    own = stage.consumer("anfm")["id_teleservice"][0]
    other = stage.consumer("ecole")["id_teleservice"][0]
    for what, expected, values in (
        ("one's own", "200", (own,)),
        ("absent", "400 INF-IDT-01", ()),
        ("malformed", "400 INF-IDT-02", ("TS INFINOE/0042",)),
        ("twice", "400 INF-IDT-02", (own, own)),
        ("one's own and another's", "400 INF-IDT-02", (own, other)),
        ("another consumer's", "403 INF-IDT-03", (other,)),
        ("nobody's", "403 INF-IDT-03", ("TS-INFINOE-9999",)),
    ):
        stage.make(what, expected, Call("anfm", "GET", STATE, identifiers=values))
