"""The OAuth2 clients of an environment: what each one authenticates with. Secrets are there as argon2id hashes only.

Who a client is, which method it must use and what it may do is the contract's to say (`acces.clients_oauth2`); this file
holds the credentials alone. `poterne client` writes it, the running gateways look at it (`watched_file`).
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway_addons.adapters.identity.public_keys import KeySetError, PublicKeys, keys_of

MAX_SECRETS = 4
"""Of one client at a time: the one in use, the one before it, and room for a rotation that was interrupted."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Secret(_Entry):
    """A secret's hash. `expires_at` is set when it was replaced: both are good until then."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
    argon2: Annotated[str, StringConstraints(pattern=r"^\$argon2id\$")]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Does it count at this moment?"""
        return self.expires_at is None or now < self.expires_at


class CertificateName(_Entry):
    """The one name that the certificate of a `tls_client_auth` client must carry (RFC 8705 section 2.1.2)."""

    subject_dn: str | None = None
    san_dns: str | None = None
    san_uri: str | None = None
    san_ip: str | None = None
    san_email: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "CertificateName":
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("exactly one of subject_dn, san_dns, san_uri, san_ip, san_email (RFC 8705 2.1.2)")
        return self


class Client(_Entry):
    """One client's credentials: whichever its method needs."""

    secrets: Annotated[tuple[Secret, ...], Field(max_length=MAX_SECRETS)] = ()
    jwks: dict[str, Any] | None = None
    tls_client_auth: CertificateName | None = None
    self_signed_sha256: Annotated[tuple[Fingerprint, ...], Field(max_length=8)] = ()

    @model_validator(mode="after")
    def _keys_are_good(self) -> "Client":
        self.keys()
        return self

    def keys(self) -> PublicKeys | None:
        """The registered public keys, for `private_key_jwt`. Raises `KeySetError`."""
        if self.jwks is None:
            return None
        entries = self.jwks.get("keys")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise KeySetError("jwks: an array `keys` is needed")
        return keys_of(entries)


class Clients(_Entry):
    """The whole file."""

    clients: dict[ClientId, Client]


def read_clients(file: Path) -> Clients:
    """The clients in this file.

    Raises:
        ValueError: not of this form; the message names the place.
        OSError: it cannot be read.
    """
    try:
        return Clients.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except yaml.YAMLError as e:
        raise ValueError(f"{file}: is not YAML") from e
    except ValidationError as e:
        defects = e.errors(include_url=False, include_input=False)
        places = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in defects)
        raise ValueError(f"{file}: {places}") from e
