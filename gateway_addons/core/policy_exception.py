"""Exceptions to a control: what lets a policy edit be activated that the guard would stop. Named, dated, and by two persons."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gateway_addons.core.contract.fields import Day, Name, Section, Text
from gateway_addons.core.guard.judge import Finding

MAX_LIFE = timedelta(days=366)
ENVIRONMENTS = {"production": "production", "bac_a_sable": "sandbox"}


class PolicyException(Section):
    """One exception.

    `constats` are the guard's questions that may stay unanswered, by their names; `conventions` the contracts it is about
    (none: all of the environment). It is in force from `accordee_le` to `expire_le`, both days included, and closes what it
    opened afterwards: then its control fails (INF-EXC-01).
    """

    id: Name
    controle: Literal["certificate", "address", "identifier", "identity", "contract", "rights", "client"]
    constats: tuple[Text, ...] = Field(min_length=1)
    environnement: Literal["production", "bac_a_sable"]
    conventions: tuple[Name, ...] = ()
    motif: Text
    auteur: Text
    accordee_par: Text
    accordee_le: Day
    expire_le: Day

    @model_validator(mode="after")
    def _by_two_and_bounded(self) -> "PolicyException":
        if self.auteur.casefold() == self.accordee_par.casefold():
            raise ValueError("accordee_par: a second person grants it; auteur and accordee_par must differ")
        if not self.accordee_le <= self.expire_le <= self.accordee_le + MAX_LIFE:
            raise ValueError(f"expire_le: not before accordee_le, and at most {MAX_LIFE.days} days after it")
        return self

    def covers(self, finding: Finding, today: date, builder: str) -> bool:
        """May this finding stay? Not before its day nor after, and never for a revision that the granter builds alone."""
        return (
            finding.question in self.constats
            and finding.control in {self.controle, "any"}
            and finding.environment == ENVIRONMENTS[self.environnement]
            and (not self.conventions or finding.contract in self.conventions)
            and self.accordee_le <= today <= self.expire_le
            and builder.casefold() != self.accordee_par.casefold()
        )


class PolicyExceptions(Section):
    """The file `config/exceptions.yaml`."""

    version_schema: Literal[1]
    exceptions: Annotated[tuple[PolicyException, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _names_once(self) -> "PolicyExceptions":
        names = [exception.id for exception in self.exceptions]
        if len(set(names)) != len(names):
            raise ValueError("exceptions: an id is there twice")
        return self

    def data(self) -> dict[str, list[dict[str, Any]]]:
        """OPA's `data.exceptions`, by environment."""
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in ENVIRONMENTS.values()}
        for exception in self.exceptions:
            found[ENVIRONMENTS[exception.environnement]].append({
                "id": exception.id, "control": exception.controle, "contracts": list(exception.conventions),
                "from": str(exception.accordee_le), "to": str(exception.expire_le)})
        return found

    def applied(self, findings: Iterable[Finding], today: date, builder: str) -> list[Finding]:
        """The findings, each with the exception that covers it, if one does."""
        return [replace(finding, exception=next((e.id for e in self.exceptions if e.covers(finding, today, builder)), None))
                for finding in findings]
