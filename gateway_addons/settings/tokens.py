"""The tokens that the gateway believes and signs: for consumers, and for the backend."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.settings.values import Frozen, Seconds

type Algorithm = Literal["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "EdDSA", "Ed25519"]
"""What may be allowed for another issuer's tokens; Poterne's own are ES256."""

_URL = r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])[^\s#]*$"
Url = Annotated[str, StringConstraints(pattern=_URL, max_length=500)]
"""https, or http to this machine."""


class Introspection(Frozen):
    """RFC 7662 at the external server: asked for each token at most every `cache_s`, with the gateway's own credentials."""

    url: Url
    client_id: str
    client_secret_file: Path
    cache_s: Annotated[float, Field(ge=0, le=60)] = 1.0


class External(Frozen):
    """Another authorization server's tokens are believed in place of our own.

    Its keys come from `jwks_file` or `jwks_url`, are looked at again every `refresh_s` and, when a token names an unknown
    key, at most every `unknown_key_s`. Keys that could not be had for `max_stale_s` are not believed any more (INF-DEP-05).
    """

    jwks_file: Path | None = None
    jwks_url: Url | None = None
    ca_file: Path | None = None
    timeout_s: Seconds = 2.0
    refresh_s: Seconds = 300.0
    unknown_key_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
    max_stale_s: Annotated[float, Field(ge=1, le=7 * 86400)] = 3600.0
    algorithms: tuple[Algorithm, ...] = Field(("ES256", "PS256"), min_length=1)
    token_types: tuple[Literal["at+jwt", "jwt"], ...] = Field(("at+jwt",), min_length=1)
    client_claim: Literal["client_id", "azp"] = "client_id"
    environment_claim: str | None = None
    max_lifetime_s: Annotated[int, Field(ge=30, le=86400)] = 3600
    introspection: Introspection | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "External":
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("give jwks_file or jwks_url, one of them")
        return self


class Revocation(Frozen):
    """The register of revoked tokens, shared by all workers and gateways.

    `max_age_s` is how long it may not have been read anew; past that `on_stale` decides: `refuse` every call (INF-DEP-05),
    or go by what was known last, which the record then says.
    """

    max_age_s: Annotated[float, Field(ge=1, le=3600)] = 5.0
    on_stale: Literal["refuse", "last_known"] = "refuse"


class Tokens(Frozen):
    """The access tokens of the environment (RFC 6749, RFC 9068, RFC 8705): our own, or those of an external server."""

    issuer: str
    audience: str
    signing_keys_folder: Path | None = None
    client_secrets_file: Path | None = None
    lifetime_s: Annotated[int, Field(ge=30, le=3600)] = 600
    leeway_s: Annotated[int, Field(ge=0, le=60)] = 5
    revocation: Revocation = Revocation()
    external: External | None = None

    @model_validator(mode="after")
    def _ours_or_another(self) -> "Tokens":
        ours = (self.signing_keys_folder, self.client_secrets_file)
        if self.external is None and None in ours:
            raise ValueError("give signing_keys_folder and client_secrets_file (our own tokens), or external")
        if self.external is not None and ours != (None, None):
            raise ValueError("with external there are no signing_keys_folder and client_secrets_file")
        return self


class Assertion(Frozen):
    """The signed `X-JWT-Assertion` that tells the backend who was admitted."""

    issuer: str
    audience: str
    signing_key_file: Path
    lifetime_s: Annotated[int, Field(ge=5, le=300)] = 60
