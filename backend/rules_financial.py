"""Rules on financial statements: what goes together (model 3.3), INF-MET-02, 10, 11 and the warning 13."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from backend.errors import Detail
from backend.model_financial import FinancialEntry, Post
from backend.prepared import Caller, EntryFacts, Perimeter, PreparedEntry, Statement
from backend.rules_perimeter import Finding

ACCOUNT_CLOSING_DAYS = 75
_MONTHS = list(range(1, 13))
_BALANCE, _RECEIPTS, _CASH = "SOLDE", "REC-TOT", "VAR-TRESO"


def findings(entry: FinancialEntry, perimeter: Perimeter, _: Caller) -> Iterator[Finding]:
    """Codes and paths (relative to the entry) of the rules the statement breaks by itself."""
    yield from _coherence(entry)
    yield from _dates(entry, perimeter)
    if entry.etat == "ABP" and not _abp_balances(entry):
        yield "INF-MET-10", "/postes"
    if entry.etat == "EFP" and not _efp_balances(entry):
        yield "INF-MET-10", "/postes"
    if entry.etat == "PTP":
        yield from _twelve_months(entry)


def warnings(entry: FinancialEntry, perimeter: Perimeter) -> Iterator[Finding]:
    """INF-MET-13 (décret 2012-1246, art. 212): a late financial account is received, with a warning in the receipt."""
    limit = date(perimeter.exercice, 12, 31) + timedelta(days=ACCOUNT_CLOSING_DAYS)
    if entry.stade == "CF" and entry.arreteLe is not None and entry.arreteLe > limit:
        yield "INF-MET-13", "/arreteLe"


def _coherence(entry: FinancialEntry) -> Iterator[Finding]:
    if entry.etat == "CF" and entry.stade != "CF":
        yield "4015", "/stade"
    if entry.stade == "CF":
        if entry.arreteLe is None:
            yield "4008", "/arreteLe"
    elif entry.executoireLe is None:
        yield "4008", "/executoireLe"
    for position, post in enumerate(entry.postes):
        if post.montant is None and post.ae is None and post.cp is None:
            yield "4008", f"/postes/{position}/montant"
        if post.mois is not None and entry.etat != "PTP":
            yield "4015", f"/postes/{position}/mois"


def _dates(entry: FinancialEntry, perimeter: Perimeter) -> Iterator[Finding]:
    """A budget is voted before it becomes executory, in the exercice or the year before or after."""
    around = range(perimeter.exercice - 1, perimeter.exercice + 2)
    for name in ("voteLe", "executoireLe"):
        day = getattr(entry, name)
        if day is not None and day.year not in around:
            yield "INF-MET-02", f"/{name}"
    if entry.voteLe is not None and entry.executoireLe is not None and entry.executoireLe < entry.voteLe:
        yield "INF-MET-02", "/executoireLe"
    if entry.arreteLe is not None and entry.arreteLe.year < perimeter.exercice:
        yield "INF-MET-02", "/arreteLe"


def _post(posts: Iterable[Post], code: str) -> int | None:
    found = [post.montant for post in posts if post.code == code]
    return found[0] if len(found) == 1 else None


def _abp_balances(entry: FinancialEntry) -> bool:
    """SOLDE = REC-TOT less the sum of CP."""
    balance, receipts = _post(entry.postes, _BALANCE), _post(entry.postes, _RECEIPTS)
    return balance is not None and receipts is not None and balance == receipts - _total_cp(entry)


def _efp_balances(entry: FinancialEntry) -> bool:
    """The posts other than VAR-TRESO add up to it."""
    change = _post(entry.postes, _CASH)
    return change is not None and change == sum(post.montant or 0 for post in entry.postes if post.code != _CASH)


def _twelve_months(entry: FinancialEntry) -> Iterator[Finding]:
    months: dict[str, list[int]] = defaultdict(list)
    for post in entry.postes:
        months[post.code].append(post.mois or 0)
    if any(sorted(found) != _MONTHS for found in months.values()):
        yield "INF-MET-11", "/postes"


def _total_cp(entry: FinancialEntry) -> int:
    return sum(post.cp or 0 for post in entry.postes)


def facts(entry: FinancialEntry) -> EntryFacts:
    """The totals by which the statements of one lot are compared."""
    receipts = _post(entry.postes, _RECEIPTS)
    if receipts is None:
        receipts = sum(post.montant or 0 for post in entry.postes if post.code != _BALANCE)
    statement = Statement(
        kind=entry.etat,
        stage=entry.stade,
        balance=_post(entry.postes, _BALANCE),
        receipts=receipts,
        ae=sum(post.ae or 0 for post in entry.postes),
        cp=_total_cp(entry),
    )
    return EntryFacts(statement=statement)


def lot_findings(entries: Iterable[PreparedEntry]) -> Iterator[Detail]:
    """Across the statements of one lot, for the same book and stage: SOLDE of EFP (10) and totals of DESP (11) as in ABP."""
    groups: dict[tuple[object, ...], dict[str, list[tuple[PreparedEntry, Statement]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for entry in entries:
        statement = entry.facts.statement
        if statement is not None:
            groups[(*entry.perimeter.book, statement.stage)][statement.kind].append((entry, statement))
    for kinds in groups.values():
        balances = {abp.balance for _, abp in kinds["ABP"]}
        totals = {(abp.ae, abp.cp, abp.receipts) for _, abp in kinds["ABP"]}
        for entry, efp in kinds["EFP"]:
            if balances and balances != {efp.balance}:
                yield entry.detail("INF-MET-10", "/postes")
        for entry, desp in kinds["DESP"]:
            if totals and totals != {(desp.ae, desp.cp, desp.receipts)}:
                yield entry.detail("INF-MET-11", "/postes")
