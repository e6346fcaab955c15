"""The tokens that the gateway signs: for consumers, and for the backend."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway_addons.settings.values import Frozen


class Tokens(Frozen):
    """The access tokens of the environment (RFC 6749, RFC 9068, RFC 8705)."""

    issuer: str
    audience: str
    signing_key_file: Path
    client_secrets_file: Path
    lifetime_s: Annotated[int, Field(ge=30, le=3600)] = 600
    leeway_s: Annotated[int, Field(ge=0, le=60)] = 5


class Assertion(Frozen):
    """The signed `X-JWT-Assertion` that tells the backend who was admitted."""

    issuer: str
    audience: str
    signing_key_file: Path
    lifetime_s: Annotated[int, Field(ge=5, le=300)] = 60
