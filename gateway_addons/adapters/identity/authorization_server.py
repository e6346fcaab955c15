"""Poterne's own authorization server (clause 8-b): client_credentials over mutual TLS, and nothing else.

Token endpoint of RFC 6749 section 4.4 within RFC 9700, tokens of RFC 9068 bound by RFC 8705, revocation of RFC 7009,
introspection of RFC 7662, key set of RFC 7517, metadata of RFC 8414. OPA says whether this client may now; no answer
without the certificate of the client's own contract.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

from gateway_addons.adapters.identity.access_tokens import AccessTokenIssuer, AccessTokenVerifier
from gateway_addons.adapters.identity.base64url import base64url
from gateway_addons.adapters.identity.client_authentication import (
    ASSERTION_ALGORITHMS,
    METHODS,
    Authenticated,
    ClientAuthentication,
    read_attempt,
)
from gateway_addons.adapters.identity.oauth_error import NO_STORE, OAuthError, of_refusal
from gateway_addons.adapters.identity.strict_jws import TokenDefect
from gateway_addons.adapters.identity.token_claims import TokenClaims
from gateway_addons.core.decision import TokenDecision
from gateway_addons.core.errors import DependencyFailure, PolicyUnavailable, Refusal, RegisterUnavailable
from gateway_addons.core.facts import ClientFacts, TokenEvidence
from gateway_addons.core.ports import Endpoint, PolicyEngine, Switches, TokenAnswer, TokenRequest

MAX_FORM_FIELDS = 16
PUBLISHED_S = 30
"""How long a key set may be kept by who reads it (RFC 9111 max-age); a rotation publishes a key longer than that before."""

_OPERATIONS = {"token": "jeton", "revoke": "revocation_jeton", "introspect": "introspection_jeton", "jwks": "cles",
               "metadata": "metadonnees"}
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


class Revoker(Protocol):
    """Takes a token back, on all workers of all gateways."""

    async def revoke(self, claims: TokenClaims, by: str) -> None:
        """Durable when it returns. Raises `DependencyFailure`."""


class GuessGuard(Protocol):
    """Bounds how often somebody may try to be a client."""

    def wait_s(self, client_id: str, certificate_sha256: str | None) -> float:
        """Seconds until the next try; 0 when it may be made."""

    def failed(self, client_id: str, certificate_sha256: str | None) -> None:
        """A try was wrong."""


@dataclass(frozen=True)
class AuthorizationServer:
    """The endpoints of one environment; implements `core.ports.TokenEndpoint`."""

    environment: str
    issuer: str
    authentication: ClientAuthentication
    tokens: AccessTokenIssuer
    verifier: AccessTokenVerifier
    policy: PolicyEngine
    switches: Switches
    revoker: Revoker
    guard: GuessGuard
    key_set: Callable[[datetime], dict[str, Any]]

    async def answer(self, given: TokenRequest) -> TokenAnswer:
        """What the endpoint answers: its document, or the error of RFC 6749 section 5.2.

        Raises:
            Refusal: INF-DEP-01 when policy cannot be asked, INF-DEP-05 when something else cannot be checked or revoked,
                INF-LIM-01 when the client was guessed at too often; nothing is issued.
        """
        asked = _Asked(given)
        try:
            body, headers = await self._endpoint(given.endpoint)(asked)
        except OAuthError as e:
            return asked.answer(e.status, e.body(), e.headers(), code=e.code, detail=e.detail)
        except DependencyFailure as e:
            code = "INF-DEP-01" if isinstance(e, PolicyUnavailable) else "INF-DEP-05"
            raise Refusal(code, str(e), (("Retry-After", "1"),)) from e
        return asked.answer(200, body, headers, code=None, detail=asked.detail)

    def _endpoint(self, name: Endpoint) -> "Callable[[_Asked], Awaitable[tuple[dict[str, Any], dict[str, str]]]]":
        return {"token": self._token, "revoke": self._revoke, "introspect": self._introspect, "jwks": self._jwks,
                "metadata": self._metadata}[name]

    # --- the endpoints ---

    async def _token(self, asked: "_Asked") -> tuple[dict[str, Any], dict[str, str]]:
        form = asked.form()
        if "grant_type" not in form:
            raise OAuthError("invalid_request", "grant_type is missing")
        if form["grant_type"] != "client_credentials":
            raise OAuthError("unsupported_grant_type", "Only client_credentials is supported")
        client_id, decision = await self._client(asked, form)
        certificate = asked.given.certificate.sha256
        if not certificate:
            raise Refusal("INF-GEN-01", "a token was to be issued without a certificate")
        scopes = sorted(decision.scopes)
        token = self.tokens.issue(client_id, scopes, certificate, asked.given.now)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.tokens.lifetime_s, "scope": " ".join(scopes)}
        return body, NO_STORE

    async def _revoke(self, asked: "_Asked") -> tuple[dict[str, Any], dict[str, str]]:
        """RFC 7009 section 2: an unknown or ended token is as good as revoked; another client's is refused."""
        form = asked.form()
        client_id, _ = await self._client(asked, form)
        claims = self._claims(form, asked.given.now)
        if claims is None:
            asked.detail = "nothing to revoke"
            return {}, NO_STORE
        if claims.client_id != client_id:
            raise OAuthError("unauthorized_client", "The token is not this client's")
        await self.revoker.revoke(claims, by=client_id)
        asked.detail = f"revoked, until {claims.expires}"
        return {}, NO_STORE

    async def _introspect(self, asked: "_Asked") -> tuple[dict[str, Any], dict[str, str]]:
        """RFC 7662 section 2.2: of a token that is not good, or not this client's, nothing is told but that."""
        form = asked.form()
        client_id, _ = await self._client(asked, form)
        claims = self._claims(form, asked.given.now)
        if claims is None or claims.client_id != client_id:
            return {"active": False}, NO_STORE
        return {
            "active": True, "scope": " ".join(claims.scopes), "client_id": claims.client_id, "token_type": "Bearer",
            "exp": claims.expires, "iat": claims.issued, "nbf": claims.not_before, "sub": claims.client_id,
            "aud": self.tokens.rules.audience, "iss": self.issuer, "jti": claims.token_id,
            "cnf": {"x5t#S256": base64url(bytes.fromhex(claims.certificate_sha256))},
        }, NO_STORE

    async def _jwks(self, asked: "_Asked") -> tuple[dict[str, Any], dict[str, str]]:
        await self._known_certificate(asked)
        return self.key_set(asked.given.now), {"Cache-Control": f"max-age={PUBLISHED_S}"}

    async def _metadata(self, asked: "_Asked") -> tuple[dict[str, Any], dict[str, str]]:
        await self._known_certificate(asked)
        methods, algorithms = list(METHODS), sorted(ASSERTION_ALGORITHMS)
        authentication = {f"{name}_endpoint_{what}": value for name in ("token", "revocation", "introspection")
                          for what, value in (("auth_methods_supported", methods),
                                              ("auth_signing_alg_values_supported", algorithms))}
        return {
            "issuer": self.issuer, "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
            "revocation_endpoint": f"{self.issuer}/revoke", "introspection_endpoint": f"{self.issuer}/introspect",
            "grant_types_supported": ["client_credentials"], "response_types_supported": [],
            "tls_client_certificate_bound_access_tokens": True, **authentication,
        }, {"Cache-Control": f"max-age={PUBLISHED_S}"}

    # --- what they share ---

    async def _client(self, asked: "_Asked", form: Mapping[str, str]) -> tuple[str, TokenDecision]:
        """The authenticated client that policy lets go on.

        Raises:
            OAuthError: it did not authenticate, or policy refuses. Refusal: INF-LIM-01. DependencyFailure.
        """
        given = asked.given
        scopes = _requested_scopes(form) if given.endpoint == "token" else ()
        attempt = read_attempt(given, form)
        certificate = given.certificate.sha256
        if (wait_s := self.guard.wait_s(attempt.client_id, certificate)) > 0:
            raise Refusal("INF-LIM-01", "client guessed at too often", (("Retry-After", str(int(wait_s) + 1)),))
        found = await self.authentication.check(attempt, given)
        decision = await self._decide(asked, found, scopes)
        if found.failure is not None or found.client_id is None or not decision.allow:
            if found.failure is not None or (decision.reasons and decision.reasons[0].code == "INF-CLI-01"):
                self.guard.failed(attempt.client_id, certificate)
            error = of_refusal(decision.reasons[0].code if decision.reasons else "INF-CLI-01")
            error.detail = f"client authentication: {found.failure}" if found.failure else "refused by policy"
            raise error
        return found.client_id, decision

    async def _known_certificate(self, asked: "_Asked") -> None:
        """Public documents are for who holds a certificate of a contract. Raises `OAuthError`."""
        decision = await self._decide(asked, Authenticated(None, None, "not_asked"), ())
        asked.decision = asked.question = None
        if decision.controls["certificate"] != "pass":
            raise of_refusal(next((r.code for r in decision.reasons if r.control == "certificate"), "INF-CERT-04"))

    async def _decide(self, asked: "_Asked", found: Authenticated, scopes: tuple[str, ...]) -> TokenDecision:
        given = asked.given
        asked.client_id = found.client_id
        facts = ClientFacts(client_id=found.client_id, authenticated=found.failure is None, failure=found.failure,
                            requested_scopes=scopes, method=found.method)
        try:
            switches = self.switches.concerning(self.environment, given.certificate, given.address, found.client_id, None)
        except RegisterUnavailable as e:
            raise Refusal("INF-DEP-06", str(e)) from e
        evidence = TokenEvidence(now=given.now, environment=self.environment, certificate=given.certificate,
                                 address=given.address, client=facts, switches=switches)
        asked.question = evidence.document()
        asked.decision = await self.policy.decide_token(evidence)
        return asked.decision

    def _claims(self, form: Mapping[str, str], now: datetime) -> TokenClaims | None:
        """The claims of the `token` of this form when it is good; `token_type_hint` is not needed. Raises `OAuthError`."""
        if not form.get("token"):
            raise OAuthError("invalid_request", "token is missing")
        try:
            return self.verifier.claims(form["token"], now)
        except TokenDefect as defect:
            if defect.failure in ("keys_unknown", "revocation_unknown"):
                raise DependencyFailure(f"a token cannot be judged: {defect.failure}") from defect
            return None


class _Asked:
    """One request, and what came of it."""

    def __init__(self, given: TokenRequest) -> None:
        self.given = given
        self.client_id: str | None = None
        self.decision: TokenDecision | None = None
        self.question: dict[str, Any] | None = None
        self.detail = ""

    def form(self) -> dict[str, str]:
        """The parameters, each at most once; one without a value is as if it were not there (RFC 6749 section 3.2)."""
        if self.given.content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            raise OAuthError("invalid_request", "The body must be application/x-www-form-urlencoded")
        try:
            pairs = parse_qsl(self.given.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(self.given.body),
                              max_num_fields=MAX_FORM_FIELDS, errors="strict")
        except ValueError as e:
            raise OAuthError("invalid_request", "The body is not a form") from e
        if len({name for name, _ in pairs}) != len(pairs):
            raise OAuthError("invalid_request", "A parameter is repeated")
        return {name: value for name, value in pairs if value}

    def answer(self, status: int, body: dict[str, Any], headers: Mapping[str, str], *, code: str | None,
               detail: str) -> TokenAnswer:
        return TokenAnswer(status=status, body=body, headers=dict(headers), code=code, client_id=self.client_id,
                           certificate_sha256=self.given.certificate.sha256, decision=self.decision,
                           operation=_OPERATIONS[self.given.endpoint], detail=detail, question=self.question)


def _requested_scopes(form: Mapping[str, str]) -> tuple[str, ...]:
    text = form.get("scope")
    if text is None:
        return ()
    if _SCOPE.fullmatch(text) is None:
        raise OAuthError("invalid_scope", "The scope is malformed (RFC 6749 section 3.3)")
    return tuple(text.split(" "))


@dataclass(frozen=True)
class NoAuthorizationServer:
    """Where another server's tokens are believed there is none here; implements `core.ports.TokenEndpoint`."""

    async def answer(self, given: TokenRequest) -> TokenAnswer:
        """Always refused. Raises `Refusal` INF-REQ-09."""
        raise Refusal("INF-REQ-09", "tokens are issued by another authorization server")
