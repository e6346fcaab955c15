"""An authorization server whose ports are fakes, and requests to it as the gate would make them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey

from gateway_addons.adapters.identity.access_tokens import AccessTokenIssuer, AccessTokenVerifier, OwnKeys
from gateway_addons.adapters.identity.authorization_server import AuthorizationServer
from gateway_addons.adapters.identity.client_authentication import ASSERTION_TYPE, ClientAuthentication
from gateway_addons.adapters.identity.client_registry import Clients
from gateway_addons.adapters.identity.guess_guard import GuessBrake
from gateway_addons.adapters.identity.revoked_tokens import RevokedInRegister
from gateway_addons.core.decision import TokenDecision
from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.core.facts import AddressFacts, CertificateFacts, SwitchFacts, TokenEvidence
from gateway_addons.core.ports import Endpoint, TokenAnswer, TokenRequest
from gateway_addons.core.register import Entry
from gateway_addons.settings.brake import Brake
from tests.identity.forge import NOW, RULES, SHA, Mint, compact, es256
from tests.support import pki

SECRET = "a-secret-of-many-characters"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(SECRET)
ISSUER = RULES.issuer
AUTH = {"by-secret": "client_secret_basic", "by-key": "private_key_jwt", "by-name": "tls_client_auth", "by-itself": "self_signed_tls_client_auth"}
KEY = ECKey.generate_key("P-256", auto_kid=True)
LEAF = pki.root("CA").issue("client", names=()).certificate.public_bytes(Encoding.DER)
CERTIFICATE = CertificateFacts(True, True, None, sha256=SHA, subject="CN=client,O=Essai,C=FR", issuer="CN=CA", revocation="good")


class NoSwitches:
    def concerning(self, *of_call: Any) -> tuple[SwitchFacts, ...]:
        return ()


@dataclass
class Policy:
    """The contract of `SHA` has the four clients of `AUTH`; each must use its own method."""

    failure: Exception | None = None
    asked: list[TokenEvidence] = field(default_factory=list)
    refuse_with: tuple[str, str] | None = None

    async def decide(self, evidence: Any) -> Any:
        raise NotImplementedError

    async def decide_token(self, evidence: TokenEvidence) -> TokenDecision:
        if self.failure:
            raise self.failure
        self.asked.append(evidence)
        client, certificate = evidence.client, evidence.certificate
        verdicts = dict.fromkeys(("certificate", "address", "client", "contract"), "pass")
        reasons = []
        if self.refuse_with:
            verdicts[self.refuse_with[0]] = "fail"
            reasons.append(self.refuse_with)
        if not certificate.verified or certificate.sha256 != SHA:
            verdicts["certificate"] = "fail"
            reasons.append(("certificate", "INF-CERT-06"))
        if not client.authenticated or AUTH.get(client.client_id or "") != client.method:
            verdicts["client"] = "fail"
            reasons.append(("client", "INF-CLI-01"))
        elif not set(client.requested_scopes) <= {"a", "b"}:
            verdicts["client"] = "fail"
            reasons.append(("client", "INF-CLI-02"))
        allow = not reasons
        return TokenDecision.model_validate({
            "allow": allow, "controls": verdicts, "contract": "C" if allow else None, "revision": "r",
            "reasons": [{"code": code, "control": control, "clause": "8-b"} for control, code in reasons],
            "scopes": list(client.requested_scopes or ("a", "b")) if allow else []})


@dataclass
class Once:
    """Remembers in memory; may fail."""

    failure: bool = False
    seen: set[str] = field(default_factory=set)

    async def claim(self, key: str, keep_s: float) -> bool:
        if self.failure:
            raise RegisterUnavailable("away")
        first = key not in self.seen
        self.seen.add(key)
        return first


@dataclass
class Register:
    """A register of one process."""

    held: dict[str, Entry] = field(default_factory=dict)
    age: float = 0
    failure: bool = False

    def entries(self) -> Mapping[str, Entry]:
        if self.failure:
            raise RegisterUnavailable("never read")
        return self.held

    def age_s(self) -> float:
        return self.age

    async def put(self, key: str, value: Mapping[str, Any], *, by: str, expires_at: datetime | None = None) -> None:
        if self.failure:
            raise RegisterUnavailable("nowhere")
        self.held[key] = Entry(value, by, NOW, expires_at)


@dataclass
class Served:
    """Everything a test may turn."""

    mint: Mint
    guesses: int = 1000
    policy: Policy = field(default_factory=Policy)
    once: Once = field(default_factory=Once)
    register: Register = field(default_factory=Register)
    clients: dict[str, Any] = field(default_factory=dict)
    server: AuthorizationServer = field(init=False)
    verifier: AccessTokenVerifier = field(init=False)

    def __post_init__(self) -> None:
        self.clients = {
            "by-secret": {"secrets": [{"id": "00000000", "argon2": HASH, "created_at": NOW}]},
            "by-key": {"jwks": {"keys": [KEY.as_dict(private=False)]}},
            "by-name": {"tls_client_auth": {"subject_dn": CERTIFICATE.subject}},
            "by-itself": {"self_signed_sha256": [SHA]},
        }
        revoked = RevokedInRegister(self.register, "production", 5, "refuse")
        self.verifier = AccessTokenVerifier(RULES, OwnKeys(lambda: self.mint.ring), revoked)
        self.server = AuthorizationServer(
            environment="production", issuer=ISSUER, policy=self.policy, switches=NoSwitches(), verifier=self.verifier, revoker=revoked,
            guard=GuessBrake(Brake(guesses_per_minute=1, guess_burst=self.guesses), clock=lambda: 0.0),
            key_set=lambda now: self.mint.ring.public(now).document(),
            authentication=ClientAuthentication("production", ISSUER, lambda: Clients.model_validate({"clients": self.clients}), self.once),
            tokens=AccessTokenIssuer(RULES, 600, lambda: self.mint.ring))

    async def ask(self, endpoint: Endpoint = "token", form: Mapping[str, str] | str | bytes | None = None, *, basic: tuple[str, str] | str | None = None,
                  now: datetime = NOW, **bend: Any) -> TokenAnswer:
        if form is None:
            form = {"grant_type": "client_credentials"}
        body = form if isinstance(form, bytes) else (form if isinstance(form, str) else urlencode(form)).encode()
        authorization = basic_header(*basic) if isinstance(basic, tuple) else basic
        request = TokenRequest(now, CERTIFICATE, AddressFacts("192.0.2.1", "192.0.2.1", None), authorization, "application/x-www-form-urlencoded",
                               body, endpoint, LEAF)
        return await self.server.answer(replace(request, **bend))

    async def token(self) -> str:
        answer = await self.ask(basic=("by-secret", SECRET))
        assert answer.status == 200, answer
        return str(answer.body["access_token"])


def basic_header(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def assertion(bend: dict[str, Any] | None = None, key: ECKey = KEY, header: dict[str, Any] | None = None, now: datetime = NOW) -> dict[str, str]:
    """A good private_key_jwt form, bent."""
    claims = {"iss": "by-key", "sub": "by-key", "aud": ISSUER, "exp": int((now + timedelta(seconds=60)).timestamp()), "jti": "j1"} | (bend or {})
    token = compact({"alg": "ES256", "kid": KEY.kid} | (header or {}), {k: v for k, v in claims.items() if v is not ...}, es256(key))
    return {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
