"""The fourth control (4-C4): the access token, its bond to the certificate, and the endpoint that gives it (8-b)."""

import uuid
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.demo.tour import lots
from deploy.demo.tour.stage import API, STATE, Call, Stage, seconds_ago


def tokens(stage: Stage) -> None:
    """The token endpoint: client_credentials over mutual TLS; errors of RFC 6749 section 5.2."""
    stage.scene = "token endpoint"
    answer = stage.ask_token("anfm", client="curl")
    life, kind = answer.json().get("expires_in", 0), answer.json().get("token_type")
    stage.row("client_credentials, Basic, own certificate", "200, a Bearer token for 600 s", answer,
              f"{answer}, a {kind} token for {life} s")
    invalid_client = "401 invalid_client INF-CLI-01"
    for what, expected, answer in (
        ("wrong secret", invalid_client, stage.ask_token("anfm", secret="not the secret")),  # noqa: S106 - that is the point
        ("unknown client", invalid_client, stage.ask_token("anfm", client_id="nobody-infinoe-prod")),
        ("right secret, another consumer's certificate", invalid_client, stage.ask_token("anfm", certificate="ecole")),
        ("grant_type=password", "400 unsupported_grant_type INF-CLI-03",
         stage.ask_token("anfm", form="grant_type=password")),
        ("a scope that is not granted", "400 invalid_scope INF-CLI-02",
         stage.ask_token("ecole", form="grant_type=client_credentials&scope=infinoe_budgetaire_ecriture")),
        ("no certificate", "TLS alert: certificate required", stage.ask_token("anfm", certificate=None)),
    ):
        stage.row(what, expected, answer)


def methods(stage: Stage) -> None:
    """Other ways to authenticate, what is published, and a token taken back (RFC 7523, 8705, 8414, 7517, 7009)."""
    stage.scene = "authorization server"
    by_auth = {client["auth"]: client for client in stage.consumer("anfm")["other_clients"]}
    assertion = _assertion(stage, by_auth["private_key_jwt+mtls"])
    named = f"grant_type=client_credentials&client_id={by_auth['tls_client_auth']['client_id']}"
    for what, expected, answer in (
        ("a signed assertion (private_key_jwt)", "200", stage.ask_token("anfm", form=assertion, basic=False)),
        ("the same assertion again", "401 invalid_client INF-CLI-01", stage.ask_token("anfm", form=assertion, basic=False)),
        ("the certificate alone, as agreed", "200", stage.ask_token("anfm", form=named, basic=False)),
        ("the same client, another consumer's certificate", "401 invalid_client INF-CLI-01",
         stage.ask_token("anfm", form=named, basic=False, certificate="ecole")),
        ("two methods at once", "400 invalid_request INF-CLI-03", stage.ask_token("anfm", form=assertion)),
    ):
        stage.row(what, expected, answer)
    for what, path in (("metadata", "/.well-known/oauth-authorization-server"), ("the key set", "/jwks")):
        stage.make(what, "200", Call("anfm", "GET", path, token=None))
    token = stage.ask_token("anfm").json()["access_token"]
    stage.make("a token before it is taken back", "200", Call("anfm", "GET", STATE, token=token))
    stage.row("taken back by its client", "200", stage.ask_token("anfm", form=f"token={token}", path="/revoke"))
    stage.make("the same token afterwards", "401 900901", Call("anfm", "GET", STATE, token=token))


def _assertion(stage: Stage, client: dict[str, Any]) -> str:
    """The form of RFC 7523 section 2.2, signed with the client's own key."""
    key = ECKey.import_key(Path(client["key_file"]).read_bytes())
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": stage.site("production")["token_url"],
              "exp": seconds_ago(-60), "jti": str(uuid.uuid4())}
    signed = jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, claims, key)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return f"grant_type=client_credentials&client_assertion_type={kind}&client_assertion={signed}"


def identity(stage: Stage) -> None:
    """4-C4: the token is there, whole, in force, of this environment, and bound to this certificate and contract."""
    stage.scene = "C4 identity"
    token = stage.token("anfm")
    head, claims, signature = token.split(".")
    for what, expected, value in (
        ("one's own token", "200", token),
        ("no token", "401 900902", None),
        ("not a token", "401 900901", "not.a.token"),
        ("claims exchanged under the signature", "401 900901", f"{head}.{stage.token('ecole').split('.')[1]}.{signature}"),
        ("without signature (alg none)", "401 900901", f"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}."),
        ("signed by an unknown key", "401 900901", stage.forged("anfm", {}, key=ECKey.generate_key("P-256"))),
        ("ended a minute ago", "401 900901",
         stage.forged("anfm", {"iat": seconds_ago(660), "nbf": seconds_ago(660), "exp": seconds_ago(60)})),
        ("valid in an hour only", "401 900901",
         stage.forged("anfm", {"iat": seconds_ago(-3600), "nbf": seconds_ago(-3600), "exp": seconds_ago(-4200)})),
        ("bound to no certificate", "401 INF-IDC-01", stage.forged("anfm", {"cnf": {}})),
        ("of the sandbox", "401 900901", stage.token("anfm", "sandbox")),
        ("another consumer's, bound to its certificate", "401 INF-IDC-01", stage.token("ecole")),
    ):
        stage.make(what, expected, Call("anfm", "GET", STATE, token=value))


def pairs(stage: Stage) -> None:
    """Between two consumers, each in good standing: whatever one borrows from the other is refused, both ways."""
    stage.scene = "cross pairs"
    path = f"{API}/ecritures/comptables"
    for one, other in (("anfm", "ecole"), ("ecole", "anfm")):
        theirs = stage.consumer(other)
        identifiers = tuple(theirs["id_teleservice"][:1])
        stage.make(f"{one} with {other}'s token and identifier", "403 INF-IDT-03",
                   Call(one, "GET", STATE, token=stage.token(other), identifiers=identifiers))
        stage.make(f"{one}'s certificate and identifier, {other}'s token", "401 INF-IDC-01",
                   Call(one, "GET", STATE, token=stage.token(other)))
        stage.make(f"{one} sends a lot of {other}", "403 INF-DRT-03",
                   Call(one, "POST", path, lots.accounting(theirs)))


def environments(stage: Stage) -> None:
    """4-e: nothing of one environment is worth anything in the other."""
    stage.scene = "cross environment"
    sandbox, production = "sandbox", "production"
    stage.make("sandbox, with all that is the sandbox's", "200", Call("anfm", "GET", STATE, environment=sandbox))
    stage.make("production's certificate in the sandbox", "TLS alert: unknown ca",
               Call("anfm", "GET", STATE, environment=sandbox, certificate=stage.pair("anfm", production)))
    stage.make("the sandbox's certificate in production", "TLS alert: unknown ca",
               Call("anfm", "GET", STATE, certificate=stage.pair("anfm", sandbox)))
    stage.make("production's token in the sandbox", "401 900901",
               Call("anfm", "GET", STATE, environment=sandbox, token=stage.token("anfm", production)))
    stage.make("production's identifier in the sandbox", "403 INF-IDT-03",
               Call("anfm", "GET", STATE, environment=sandbox,
                    identifiers=tuple(stage.consumer("anfm", production)["id_teleservice"][:1])))
    before = stage.stored(production)
    answer = stage.answer(Call("ecole", "POST", f"{API}/ecritures/comptables", lots.accounting(stage.consumer("ecole")),
                               environment=sandbox))
    stage.row("a lot sent to the sandbox", "201, production's store unchanged", answer,
              f"{answer}, production's store {'unchanged' if stage.stored(production) == before else 'CHANGED'}")
