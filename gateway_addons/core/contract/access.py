"""What the five controls look for, and how often a consumer may call (clauses 4-C1 to 4-C5, 9.2)."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from cryptography import x509
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gateway_addons.core.contract.fields import (
    BytesPerMinute,
    CallsPerMinute,
    Day,
    Flux,
    Name,
    Operation,
    Scope,
    Section,
    Sha256,
    Siret,
    Text,
)


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=True))
    except ValueError as e:
        raise ValueError(f"not a network in CIDR form, host bits zero ({e})") from e


Network = Annotated[str, AfterValidator(_network)]
def _distinguished_name(value: str) -> str:
    """As the gateway writes it (RFC 4514): another spelling of the same name, with spaces or escapes, becomes this one."""
    try:
        return x509.Name.from_rfc4514_string(value).rfc4514_string()
    except ValueError as e:
        raise ValueError(f"not a distinguished name of RFC 4514, such as CN=a,O=b,C=FR ({e})") from e


def _without_bar(value: str) -> str:
    if "|" in value:
        raise ValueError("an issuer's name with |, which stands between issuer and subject in the look-up key")
    return value


DistinguishedName = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_distinguished_name)]
"""Compared as text, letter by letter: case and spaces within a value count, string types of the encoding do not."""

IssuerName = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^|]+$"),
                       AfterValidator(_distinguished_name), AfterValidator(_without_bar)]

BudgetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}(/[A-Za-z0-9._-]{1,32})?$")]
_PERIODES = re.compile(r"([0-9]{2})\.\.([0-9]{2})")
_PERIODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,9}")


class Certificat(Section):
    """A certificate of this contract, by its fingerprint, by its public key, or by issuer and subject (4-C1).

    Several may be registered, with days that overlap, so that one can take the place of another without a gap.
    """

    empreinte_sha256: Sha256 | None = None
    """4-C1: SHA-256 of the certificate (DER), 64 hexadecimal digits; it goes before the key and the names."""
    cle_publique_sha256: Sha256 | None = None
    """4-C1: SHA-256 of the public key (SubjectPublicKeyInfo, DER): a renewed certificate of the same key is the same."""
    sujet: DistinguishedName
    """4-C1: subject, as RFC 4514 writes it and the gateway shows it."""
    emetteur: IssuerName
    """4-C1: issuer, likewise."""
    du: Day
    """4-C1: first day on which the registration counts."""
    au: Day
    """4-C1: last day on which the registration counts."""
    eku: tuple[Literal["clientAuth"], ...] = ("clientAuth",)
    """4-C1: extended key usages that the certificate must have."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Certificat":
        if self.au < self.du:
            raise ValueError("4-C1: au is before du")
        if self.empreinte_sha256 and self.cle_publique_sha256:
            raise ValueError("4-C1: empreinte_sha256 or cle_publique_sha256, not both: the fingerprint alone would count")
        return self


class ClientOAuth2(Section):
    """An OAuth2 client, its one way to authenticate (RFC 6749 2.3, RFC 7523, RFC 8705) and its scopes (4-C4)."""

    client_id: Name
    """4-C4: the client's name at the token endpoint."""
    auth: Literal["client_secret_basic+mtls", "private_key_jwt+mtls", "tls_client_auth", "self_signed_tls_client_auth"]
    """8-b: how the client authenticates."""
    scopes: tuple[Scope, ...] = Field(min_length=1)
    """4-C5: scopes that a token of this client may have."""


class Acces(Section):
    """Who may call: certificates, addresses, technical identifiers, OAuth2 clients (4-C1)."""

    certificats: tuple[Certificat, ...] = Field(min_length=1)
    """4-C1: certificates; a renewal is one more line."""
    adresses_ip: tuple[Network, ...] = Field(min_length=1)
    """4-C2: networks that calls come from, IPv4 or IPv6, in CIDR form (192.0.2.16/28)."""
    identifiants_techniques: tuple[Name, ...] = Field(min_length=1)
    """4-C3: values of the header ID_Teleservice."""
    clients_oauth2: tuple[ClientOAuth2, ...] = Field(min_length=1)
    """4-C4: OAuth2 clients."""


class Droit(Section):
    """One line of rights; it refers to the text that justifies it (4-C5, 3.1.1-b)."""

    flux: Flux
    """4-C5: the flux, one of the API's."""
    operations: tuple[Operation, ...] = Field(min_length=1)
    """2.2.1: operations on that flux, each a right of its own."""
    siret: Siret
    """2.1-b: the entity that the entries are about."""
    budgets: tuple[BudgetName, ...] = ()
    """4-C5: budgets (BP/01); none for a flux that has none."""
    exercices: tuple[Annotated[int, Field(strict=True, ge=1900, le=9999)], ...] = ()
    """4-C5: exercices; none for a flux that has none."""
    periodes: tuple[str, ...] = ()
    """4-C5: périodes, or ranges of two-digit ones (01..13); none for a flux that has none."""
    depot_du: Day
    """4-C5: first day on which entries may be sent."""
    depot_au: Day
    """4-C5: last day on which entries may be sent."""
    texte_id: Name
    """3.1.1-b: the text of cadre_juridique.textes that justifies this right; the right ends with it (13-b)."""

    @model_validator(mode="after")
    def _window_and_periodes(self) -> "Droit":
        if self.depot_au < self.depot_du:
            raise ValueError("4-C5: depot_au is before depot_du")
        self.months()
        return self

    def months(self) -> tuple[str, ...]:
        """The périodes, ranges written out. Raises `ValueError` for what is neither a période nor a range."""
        found: set[str] = set()
        for text in self.periodes:
            if (span := _PERIODES.fullmatch(text)) and span[1] <= span[2]:
                found |= {f"{n:02}" for n in range(int(span[1]), int(span[2]) + 1)}
            elif span is None and _PERIODE.fullmatch(text):
                found.add(text)
            else:
                raise ValueError(f"4-C5: periodes: {text!r} is neither a période nor a range like 01..13")
        return tuple(sorted(found))


class Justificatif(Section):
    """The evidence for a higher quota (9.2-b)."""

    releves_pics: Text
    """9.2-b: the peaks that were measured."""
    nb_dossiers: Annotated[int, Field(strict=True, ge=1)]
    """9.2-b: how many files are sent."""
    periodicite: Text
    """9.2-b: how often."""
    decision: Literal["acceptee", "refusee"] | None = None
    """9.2-b: what the producer decided."""


class Limite(Section):
    """A limit besides the quota, of one flux, one operation, both or neither: calls, bytes of bodies, or both (3.1.1-g)."""

    flux: Flux | None = None
    """3.1.1-g: the flux; none for every flux."""
    operation: Operation | None = None
    """3.1.1-g: the operation; none for every operation."""
    appels_par_minute: CallsPerMinute | None = None
    """3.1.1-g: calls in any 60 seconds."""
    octets_par_minute: BytesPerMinute | None = None
    """3.1.1-g: bytes of bodies in any 60 seconds."""

    @model_validator(mode="after")
    def _limits_something(self) -> "Limite":
        if self.appels_par_minute is None and self.octets_par_minute is None:
            raise ValueError("3.1.1-g: a limit gives appels_par_minute, octets_par_minute or both")
        return self


class Volumetrie(Section):
    """The quota, and limits besides it (3.1.1-g, 9.2)."""

    appels_par_minute: CallsPerMinute | None = None
    """9.2-a: calls in any 60 seconds; without it the environment's default (200, sandbox 50)."""
    justification: Text | None = None
    """9.2-b: why a quota above the default is needed."""
    justificatifs: tuple[Justificatif, ...] = ()
    """9.2-b: the evidence for it, and the producer's decision."""
    limites: Annotated[tuple[Limite, ...], Field(max_length=16)] = ()
    """3.1.1-g: limits that are charged besides the quota."""

    @model_validator(mode="after")
    def _limits_are_distinct(self) -> "Volumetrie":
        places = [(limit.flux, limit.operation) for limit in self.limites]
        if len(set(places)) != len(places):
            raise ValueError("3.1.1-g: two limites are for the same flux and operation; keep one")
        return self
