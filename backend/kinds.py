"""The three kinds of entries: for each its path, its model, and its rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from backend import rules_accounting, rules_budgetary, rules_financial
from backend.model_accounting import AccountingEntry
from backend.model_budgetary import BudgetaryEntry
from backend.model_financial import FinancialEntry
from backend.model_types import OwnPerimeter
from backend.prepared import Caller, EntryFacts, Perimeter
from backend.rules_perimeter import Finding


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry; `slug` is the last word of its path, `flux` the word in bodies and rights."""

    slug: str
    flux: str
    model: type[OwnPerimeter]
    validate: Callable[[list[Any]], list[Any]]
    findings: Callable[[Any, Perimeter, Caller], Iterator[Finding]]
    facts: Callable[[Any], EntryFacts]
    warnings: Callable[[Any, Perimeter], Iterator[Finding]]


def _no_warnings(_: Any, __: Perimeter) -> Iterator[Finding]:
    return iter(())


_ALL = (
    Kind(
        slug="budgetaires",
        flux="budgetaire",
        model=BudgetaryEntry,
        validate=TypeAdapter(list[BudgetaryEntry]).validate_python,
        findings=rules_budgetary.findings,
        facts=rules_budgetary.facts,
        warnings=_no_warnings,
    ),
    Kind(
        slug="comptables",
        flux="comptable",
        model=AccountingEntry,
        validate=TypeAdapter(list[AccountingEntry]).validate_python,
        findings=rules_accounting.findings,
        facts=rules_accounting.facts,
        warnings=_no_warnings,
    ),
    Kind(
        slug="financieres",
        flux="financiere",
        model=FinancialEntry,
        validate=TypeAdapter(list[FinancialEntry]).validate_python,
        findings=rules_financial.findings,
        facts=rules_financial.facts,
        warnings=rules_financial.warnings,
    ),
)

KINDS = MappingProxyType({kind.slug: kind for kind in _ALL})
