"""What the five controls look for, and how often a consumer may call (clauses 4-C1 to 4-C5, 9.2)."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gateway_addons.core.contract.fields import Day, Flux, Name, Operation, Section, Sha256, Siret, Text

SCOPES = ("infinoe_budgetaire_ecriture", "infinoe_comptable_ecriture", "infinoe_financiere_ecriture",
          "infinoe_referentiel_ecriture")


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=True))
    except ValueError as e:
        raise ValueError(f"not a network in CIDR form, host bits zero ({e})") from e


Network = Annotated[str, AfterValidator(_network)]
Scope = Literal["infinoe_budgetaire_ecriture", "infinoe_comptable_ecriture", "infinoe_financiere_ecriture",
                "infinoe_referentiel_ecriture"]
DistinguishedName = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^|]+$")]
"""Without `|`, which stands between issuer and subject in the look-up key."""

BudgetName = Annotated[str, StringConstraints(pattern=r"^(BP|BA|SACD)/[A-Za-z0-9]{1,10}$")]
_PERIODES = re.compile(r"(0[1-9]|1[0-3])(?:\.\.(0[1-9]|1[0-3]))?")


class Certificat(Section):
    """C1: a certificate of this contract, by its fingerprint, or by issuer and subject (RFC 4514, as shown by the gateway)."""

    empreinte_sha256: Sha256 | None = None
    sujet: Text
    emetteur: DistinguishedName
    du: Day
    au: Day
    eku: tuple[Literal["clientAuth"], ...] = ("clientAuth",)

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Certificat":
        if self.au < self.du:
            raise ValueError("4-C1: au is before du")
        return self


class ClientOAuth2(Section):
    """C4: an OAuth2 client, its one way to authenticate (RFC 6749 2.3, RFC 7523, RFC 8705) and its scopes."""

    client_id: Name
    auth: Literal["client_secret_basic+mtls", "private_key_jwt+mtls", "tls_client_auth", "self_signed_tls_client_auth"]
    scopes: tuple[Scope, ...] = Field(min_length=1)


class Acces(Section):
    """Section 4 of the terms of use."""

    certificats: tuple[Certificat, ...] = Field(min_length=1)
    adresses_ip: tuple[Network, ...] = Field(min_length=1)
    identifiants_techniques: tuple[Name, ...] = Field(min_length=1)
    clients_oauth2: tuple[ClientOAuth2, ...] = Field(min_length=1)


class Droit(Section):
    """C5: one line of rights; it refers to the text that justifies it (3.1.1-b)."""

    flux: Flux
    operations: tuple[Operation, ...] = Field(min_length=1)
    siret: Siret
    budgets: tuple[BudgetName, ...] = ()
    exercices: tuple[Annotated[int, Field(ge=2000, le=2100)], ...] = Field(min_length=1)
    periodes: tuple[str, ...] = ()
    depot_du: Day
    depot_au: Day
    texte_id: Name

    @model_validator(mode="after")
    def _dimensions(self) -> "Droit":
        if self.depot_au < self.depot_du:
            raise ValueError("4-C5: depot_au is before depot_du")
        if self.flux == "referentiel":
            if self.budgets or self.periodes:
                raise ValueError("a right for référentiels has neither budgets nor periodes")
        elif not (self.budgets and self.periodes):
            raise ValueError("4-C5: a right names its budgets and periodes")
        self.months()
        return self

    def months(self) -> tuple[str, ...]:
        """The périodes as two digits each, ranges written out. Raises `ValueError` for anything else."""
        found: set[str] = set()
        for text in self.periodes:
            match = _PERIODES.fullmatch(text)
            if match is None or (match[2] is not None and match[2] < match[1]):
                raise ValueError(f"periodes: {text!r} is not 01 to 13, nor a range like 01..13")
            found |= {f"{n:02}" for n in range(int(match[1]), int(match[2] or match[1]) + 1)}
        return tuple(sorted(found))


class Justificatif(Section):
    """The evidence for a higher quota (9.2-b)."""

    releves_pics: Text
    nb_dossiers: Annotated[int, Field(ge=1)]
    periodicite: Text
    decision: Literal["acceptee", "refusee"] | None = None


class Limite(Section):
    """A limit besides the quota, of one flux, one operation, both or neither (3.1.1-g): calls, bytes of bodies, or both."""

    flux: Flux | None = None
    operation: Operation | None = None
    appels_par_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    octets_par_minute: Annotated[int, Field(ge=1, le=1 << 40)] | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> "Limite":
        if self.appels_par_minute is None and self.octets_par_minute is None:
            raise ValueError("3.1.1-g: a limit gives appels_par_minute, octets_par_minute or both")
        return self


class Volumetrie(Section):
    """The quota (9.2); `None` is the environment's default. `limites` are charged besides it."""

    appels_par_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    justification: Text | None = None
    justificatifs: tuple[Justificatif, ...] = ()
    limites: Annotated[tuple[Limite, ...], Field(max_length=16)] = ()

    @model_validator(mode="after")
    def _limits_are_distinct(self) -> "Volumetrie":
        places = [(limit.flux, limit.operation) for limit in self.limites]
        if len(set(places)) != len(places):
            raise ValueError("3.1.1-g: two limites are for the same flux and operation; keep one")
        return self
