"""How a client authenticates at the endpoints (RFC 6749 section 2.3, RFC 7523, RFC 8705): exactly one method at a time.

What is established here is evidence. Whether the method is the one of the client's contract, and whether client and
certificate are of one contract, is policy's to say (`policies/poterne/token`).
"""

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol
from urllib.parse import unquote_plus

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography import x509

from gateway_addons.adapters.identity.client_registry import CertificateName, Client, Clients
from gateway_addons.adapters.identity.oauth_error import OAuthError
from gateway_addons.adapters.identity.public_keys import PublicKeys
from gateway_addons.adapters.identity.strict_jws import TokenDefect, check_signature, read_compact
from gateway_addons.core.ports import TokenRequest

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519"})
MAX_ASSERTION_LIFE_S = 3600
"""RFC 7523 section 3 lets a server refuse an end that is unreasonably far away; client libraries give an hour."""

LEEWAY_S = 5
METHODS = ("client_secret_basic", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")

_HASHER = PasswordHasher()
_HASHES_AT_ONCE = 2
"""argon2id takes 64 MiB and a core for some tens of milliseconds: more at once would only be slower."""


@cache
def _nobody() -> str:
    """What an unknown client's secret is compared with; made when a gateway starts, not when a command reads this module."""
    return _HASHER.hash("no client has this secret")


class SingleUse(Protocol):
    """Remembers what may be used once."""

    async def claim(self, key: str, keep_s: float) -> bool:
        """True the first time within `keep_s`. Raises `DependencyFailure` when nobody can say."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What was established of the client: `client_id` is only who it says it is when `failure` is None."""

    client_id: str | None
    method: str | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the request says of its client, before anything is checked."""

    method: str
    client_id: str
    secret: str = ""
    assertion: str = ""


def read_attempt(given: TokenRequest, form: Mapping[str, str]) -> Attempt:
    """The one method this request uses.

    Raises:
        OAuthError: `invalid_request` for two methods at once or a secret in the body, `invalid_client` for none.
    """
    if "client_secret" in form:
        raise OAuthError("invalid_request", "A client secret in the body is not accepted: use the Authorization header")
    by_assertion = bool(form.keys() & {"client_assertion", "client_assertion_type"})
    if given.authorization is not None and by_assertion:
        raise OAuthError("invalid_request", "More than one method of client authentication (RFC 6749 section 2.3)")
    if given.authorization is not None:
        client_id, secret = _basic(given.authorization)
        attempt = Attempt("client_secret_basic", client_id, secret=secret)
    elif by_assertion:
        attempt = _by_assertion(form)
    elif form.get("client_id"):
        attempt = Attempt("tls_client_auth", form["client_id"])
    else:
        raise OAuthError("invalid_client", "No client authentication")
    if form.get("client_id", attempt.client_id) != attempt.client_id:
        raise OAuthError("invalid_request", "client_id is not the client that authenticates")
    return attempt


class ClientAuthentication:
    """Checks attempts against the registered credentials of one environment."""

    def __init__(self, environment: str, issuer: str, clients: Callable[[], Clients], single_use: SingleUse) -> None:
        self._environment = environment
        self._audiences = (issuer, f"{issuer}/token")
        self._clients = clients
        self._single_use = single_use
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)
        _nobody()

    async def check(self, attempt: Attempt, given: TokenRequest) -> Authenticated:
        """What the attempt proves. An unknown client is told like a wrong secret, and takes as long.

        Raises:
            DependencyFailure: nobody can say whether an assertion was used before.
        """
        client = self._clients().clients.get(attempt.client_id)
        if attempt.method == "client_secret_basic":
            good = await self._secret_matches(client, attempt.secret, given.now)
            return _told(attempt, None if good else "secret")
        if attempt.method == "private_key_jwt":
            return _told(attempt, await self._assertion_failure(client, attempt, given.now))
        return _by_certificate(client, attempt, given)

    async def _secret_matches(self, client: Client | None, secret: str, now: datetime) -> bool:
        hashes = [s.argon2 for s in client.secrets if s.is_good(now)] if client else []
        async with self._hashing:
            return await asyncio.to_thread(_any_matches, hashes, secret)

    async def _assertion_failure(self, client: Client | None, attempt: Attempt, now: datetime) -> str | None:
        keys = client.keys() if client else None
        if keys is None:
            return "no_key"
        try:
            token_id, keep_s = _read_assertion(attempt, keys, self._audiences, now)
        except TokenDefect as defect:
            return f"assertion_{defect.failure}"
        digest = hashlib.sha256(token_id.encode()).hexdigest()
        first = await self._single_use.claim(f"{self._environment}:{attempt.client_id}:{digest}", keep_s)
        return None if first else "assertion_replayed"


def _told(attempt: Attempt, failure: str | None) -> Authenticated:
    return Authenticated(attempt.client_id if failure is None else None, attempt.method, failure)


def _any_matches(hashes: list[str], secret: str) -> bool:
    """Looks at every hash, and at one in any case."""
    found = False
    for known in hashes or [_nobody()]:
        try:
            found |= _HASHER.verify(known, secret) and bool(hashes)
        except (VerificationError, InvalidHashError):
            continue
    return found


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret, each form-encoded within the Basic credentials (RFC 6749 section 2.3.1, RFC 7617)."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client", "Client authentication by another scheme than Basic")
    try:
        name, colon, secret = b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError as e:
        raise OAuthError("invalid_client", "Credentials cannot be read") from e
    if not colon or not name or not secret:
        raise OAuthError("invalid_client", "Credentials cannot be read")
    return unquote_plus(name), unquote_plus(secret)


def _by_assertion(form: Mapping[str, str]) -> Attempt:
    assertion = form.get("client_assertion", "")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not assertion:
        raise OAuthError("invalid_request", "client_assertion and client_assertion_type come together (RFC 7523 section 2.2)")
    try:
        subject = read_compact(assertion).claims.get("sub")
    except TokenDefect:
        subject = None
    if not isinstance(subject, str) or not subject:
        raise OAuthError("invalid_client", "The client assertion cannot be read")
    return Attempt("private_key_jwt", subject, assertion=assertion)


def _read_assertion(attempt: Attempt, keys: PublicKeys, audiences: tuple[str, ...], now: datetime) -> tuple[str, float]:
    """The assertion's `jti`, and how long it must be remembered (RFC 7523 section 3). Raises `TokenDefect`."""
    jws = read_compact(attempt.assertion)
    check_signature(jws, keys, ASSERTION_ALGORITHMS)
    claims, seconds = jws.claims, now.timestamp()
    if claims.get("iss") != attempt.client_id or claims.get("sub") != attempt.client_id:
        raise TokenDefect("issuer")
    audience = claims.get("aud")
    if (audience[0] if isinstance(audience, list) and len(audience) == 1 else audience) not in audiences:
        raise TokenDefect("audience")
    expires, token_id = claims.get("exp"), claims.get("jti")
    if type(expires) is not int or not isinstance(token_id, str) or not 0 < len(token_id) <= 256:
        raise TokenDefect("claims")
    if seconds >= expires:
        raise TokenDefect("expired")
    if expires > seconds + MAX_ASSERTION_LIFE_S + LEEWAY_S:
        raise TokenDefect("lifetime")
    for begin in (claims.get("nbf"), claims.get("iat")):
        if begin is not None and (type(begin) is not int or begin > seconds + LEEWAY_S):
            raise TokenDefect("not_yet_valid")
    return token_id, expires - seconds + 2 * LEEWAY_S


def _by_certificate(client: Client | None, attempt: Attempt, given: TokenRequest) -> Authenticated:
    """RFC 8705 section 2: by the registered name of a certificate with a path, or by a registered certificate itself."""
    certificate = given.certificate
    if client is None or not certificate.verified or given.leaf_der is None:
        return Authenticated(None, "tls_client_auth", "certificate")
    if client.tls_client_auth is not None:
        found = _names(given.leaf_der, client.tls_client_auth, certificate.subject)
        return Authenticated(attempt.client_id if found else None, "tls_client_auth", None if found else "certificate_name")
    if certificate.sha256 in client.self_signed_sha256:
        return Authenticated(attempt.client_id, "self_signed_tls_client_auth", None)
    return Authenticated(None, "tls_client_auth", "not_registered")


def _names(leaf_der: bytes, wanted: CertificateName, subject: str | None) -> bool:
    """Does the certificate carry that very name? DN as RFC 4514 text; the others from subjectAltName, never from the CN."""
    if wanted.subject_dn is not None:
        return subject == wanted.subject_dn
    try:
        names = x509.load_der_x509_certificate(leaf_der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    if wanted.san_dns is not None:
        return wanted.san_dns.lower() in [n.lower() for n in names.get_values_for_type(x509.DNSName)]
    if wanted.san_uri is not None:
        return wanted.san_uri in names.get_values_for_type(x509.UniformResourceIdentifier)
    if wanted.san_email is not None:
        return wanted.san_email in names.get_values_for_type(x509.RFC822Name)
    return wanted.san_ip in [str(address) for address in names.get_values_for_type(x509.IPAddress)]
