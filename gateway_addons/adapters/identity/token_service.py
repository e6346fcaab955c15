"""The token endpoint: OAuth2 client_credentials over mutual TLS (RFC 6749 section 4.4, RFC 8705, clause 8-b).

authlib holds the protocol; OPA says whether this client may have a token; joserfc signs it. No token without the
certificate of the client's own contract.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from gateway_addons.adapters.identity.signing_keys import AccessTokens
from gateway_addons.core.decision import TokenDecision
from gateway_addons.core.errors import PolicyUnavailable, Refusal
from gateway_addons.core.facts import ClientFacts, TokenEvidence
from gateway_addons.core.ports import PolicyEngine, TokenAnswer, TokenRequest

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
MAX_FORM_FIELDS = 16
_HASHER = PasswordHasher()


class SecretsFile:
    """Client secrets, as argon2id hashes only: `clients: {<client_id>: {secret_argon2: ...}}`."""

    def __init__(self, file: Path) -> None:
        """Raises `ValueError` when the file is not of this form."""
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        clients = document.get("clients") if isinstance(document, dict) else None
        if not isinstance(clients, dict):
            raise ValueError(f"{file}: a mapping `clients` is needed")
        self._hashes = {str(name): str(entry["secret_argon2"]) for name, entry in clients.items()}
        self._nobody = _HASHER.hash("no client has this secret")

    def matches(self, client_id: str, secret: str) -> bool:
        """Is this the client's secret? An unknown client takes as long as a known one."""
        try:
            verified = _HASHER.verify(self._hashes.get(client_id, self._nobody), secret)
        except (VerificationError, InvalidHashError):
            return False
        return verified and client_id in self._hashes


class _Client(ClientMixin):  # type: ignore[misc]
    """A client as authlib asks for it; policy, not this object, knows its scopes."""

    def __init__(self, client_id: str, secrets: SecretsFile) -> None:
        self.client_id = client_id
        self._secrets = secrets

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        return self._secrets.matches(self.client_id, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic" and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str) -> str:
        return scope


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """client_credentials, where policy is asked before the token is made."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def validate_token_request(self) -> None:
        asked: _Asked = self.request
        try:
            self.request.client = self.authenticate_token_endpoint_client()
            failure = None
        except InvalidClientError:
            failure = "authentication"
        asked.facts = ClientFacts(
            client_id=self.request.client.get_client_id() if failure is None else None,
            authenticated=failure is None, failure=failure,
            requested_scopes=tuple((self.request.payload.scope or "").split()),
        )
        asked.decision = asked.server.decide(asked)
        if not asked.decision.allow:
            raise oauth_error(asked.decision.reasons[0].code)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        asked: _Asked = self.request
        return 200, asked.server.token(asked), list(NO_STORE.items())


def oauth_error(code: str) -> OAuth2Error:
    """The error of RFC 6749 section 5.2 for a reason code."""
    if code == "INF-CLI-02":
        return InvalidScopeError(description="The scope is not granted to this client")
    if code.startswith(("INF-CLI", "INF-CERT")):
        return InvalidClientError(description="Client authentication failed", status_code=401)
    return UnauthorizedClientError(description="The client may not have a token now")


class _Asked(OAuth2Request):  # type: ignore[misc]
    """One request to the endpoint, and what came of it."""

    def __init__(self, server: "TokenService", given: TokenRequest, loop: asyncio.AbstractEventLoop) -> None:
        headers = {"Authorization": given.authorization} if given.authorization else {}
        super().__init__("POST", "https://token.invalid/token", headers=headers)
        self.server = server
        self.given = given
        self.loop = loop
        self.payload = BasicOAuth2Payload(_form(given))
        self.facts: ClientFacts | None = None
        self.decision: TokenDecision | None = None

    @property
    def args(self) -> dict[str, str]:
        return {}

    @property
    def form(self) -> dict[str, str]:
        form: dict[str, str] = self.payload.data
        return form


class TokenService(AuthorizationServer):  # type: ignore[misc]
    """The token endpoint of one environment; implements `core.ports.TokenEndpoint`."""

    def __init__(self, environment: str, secrets: SecretsFile, tokens: AccessTokens, policy: PolicyEngine) -> None:
        super().__init__()
        self._environment = environment
        self._secrets = secrets
        self._tokens = tokens
        self._policy = policy
        self.register_grant(_Grant)

    async def answer(self, given: TokenRequest) -> TokenAnswer:
        """A token, or the error of RFC 6749 section 5.2.

        Raises:
            Refusal: INF-DEP-01 when policy cannot be asked; no token is issued.
        """
        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(self._answer, given, loop)

    def _answer(self, given: TokenRequest, loop: asyncio.AbstractEventLoop) -> TokenAnswer:
        asked: _Asked | None = None
        try:
            asked = _Asked(self, given, loop)
            grant = self.get_token_grant(asked)
            grant.validate_token_request()
            status, body, headers = grant.create_token_response()
        except OAuth2Error as e:
            status, body, headers = e.status_code, dict(e.get_body()), dict(e.get_headers())
            return _answer_of(given, asked, status, body, dict(headers) | NO_STORE)
        return _answer_of(given, asked, status, body, dict(headers))

    def query_client(self, client_id: str) -> _Client:
        """Every name is a client until its secret says otherwise, so that names cannot be guessed by time or answer."""
        return _Client(client_id, self._secrets)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib's signals have no listener here."""

    def decide(self, asked: _Asked) -> TokenDecision:
        """Ask policy from authlib's thread. Raises `Refusal` when it cannot be asked."""
        given = asked.given
        if asked.facts is None:
            raise Refusal("INF-GEN-01", "policy asked before the client was read")
        evidence = TokenEvidence(now=given.now, environment=self._environment, certificate=given.certificate,
                                 address=given.address, client=asked.facts)
        try:
            return asyncio.run_coroutine_threadsafe(self._policy.decide_token(evidence), asked.loop).result()
        except PolicyUnavailable as e:
            raise Refusal("INF-DEP-01", str(e)) from e

    def token(self, asked: _Asked) -> dict[str, Any]:
        """The token of an allowed request."""
        certificate, decision, facts = asked.given.certificate, asked.decision, asked.facts
        if decision is None or decision.allow is not True or facts is None or not facts.client_id or not certificate.sha256:
            raise Refusal("INF-GEN-01", "a token was asked for without an allowance")
        scopes = sorted(decision.scopes)
        token = self._tokens.issue(facts.client_id, scopes, certificate.sha256, asked.given.now)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._tokens.lifetime_s,
                "scope": " ".join(scopes)}


def _form(given: TokenRequest) -> dict[str, str]:
    """The parameters, each at most once (RFC 6749 section 3.2). Raises `InvalidRequestError`."""
    if given.content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise InvalidRequestError(description="The body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(given.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(given.body),
                          max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as e:
        raise InvalidRequestError(description="The body is not a form") from e
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequestError(description="A parameter is repeated")
    if "grant_type" not in form:
        raise InvalidRequestError(description="grant_type is missing")
    if form.keys() & {"client_secret", "client_assertion"}:
        raise InvalidRequestError(description="Authenticate with the Authorization header, Basic scheme")
    return form


def _answer_of(
    given: TokenRequest, asked: _Asked | None, status: int, body: Mapping[str, Any], headers: Mapping[str, str]
) -> TokenAnswer:
    decision, facts = (asked.decision, asked.facts) if asked else (None, None)
    code = None if status == 200 else (decision.reasons[0].code if decision and decision.reasons else "INF-CLI-03")
    named = dict(body) | ({"code": code} if code else {})
    return TokenAnswer(status=status, body=named, headers=dict(headers), code=code,
                       client_id=facts.client_id if facts else None,
                       certificate_sha256=given.certificate.sha256, decision=decision)
