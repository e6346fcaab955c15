"""Rules on one accounting entry: INF-MET-02, 06, 07 (form), 08 and 09 (domain model, sections 3.2 and 5)."""

import re
from collections.abc import Iterator
from datetime import date

from backend.model_accounting import AccountingEntry, Line
from backend.prepared import Caller, EntryFacts, Lookup, Perimeter
from backend.rules_perimeter import Finding

_ACCOUNT = re.compile(r"[1-8][0-9]{1,9}")
_MEMORANDUM_GROUPS = {"80": ("801", "802", "809"), "86": ("861", "862", "863")}
_RESULT_AND_BALANCE = ("88", "89")
# "Affectation" has no typeEcriture of its own in the model: it is sent as CLOTURE.
_TYPES_OF_88_89 = ("A_NOUVEAU", "CLOTURE")


def findings(entry: AccountingEntry, perimeter: Perimeter, _: Caller) -> Iterator[Finding]:
    """Codes and paths (relative to the entry) of the rules the entry breaks by itself."""
    if not _in_period(entry.dateComptable, perimeter):
        yield "INF-MET-02", "/dateComptable"
    if entry.datePiece.year > perimeter.exercice:
        yield "INF-MET-02", "/datePiece"
    yield from _balance(entry.lignes)
    for position, line in enumerate(entry.lignes):
        if _ACCOUNT.fullmatch(line.compte) is None:
            yield "INF-MET-07", f"/lignes/{position}/compte"
        elif line.compte[0] in "67" and entry.typeEcriture == "A_NOUVEAU":
            yield "INF-MET-09", f"/lignes/{position}/compte"
    yield from _class_8(entry)


def _in_period(day: date, perimeter: Perimeter) -> bool:
    """Période 13 holds inventory entries, dated on any day of the exercice."""
    if day.year != perimeter.exercice:
        return False
    return perimeter.periode[5:] in ("13", f"{day.month:02d}")


def _balance(lines: list[Line]) -> Iterator[Finding]:
    if len(lines) < 2:
        yield "INF-MET-06", "/lignes"
    total = 0
    for position, line in enumerate(lines):
        if (line.debit is None) == (line.credit is None) or not (line.debit or line.credit):
            yield "INF-MET-06", f"/lignes/{position}"
        total += _signed(line)
    if total != 0:
        yield "INF-MET-06", "/lignes"


def _signed(line: Line) -> int:
    return (line.debit or 0) - (line.credit or 0)


def _class_8(entry: AccountingEntry) -> Iterator[Finding]:
    """INF-MET-08: 80 and 86 balance within their own group and never face classes 1 to 7; 88 and 89 close and open."""
    accounts = [line.compte for line in entry.lignes]
    if not any(account.startswith("8") for account in accounts):
        return
    for group, members in _MEMORANDUM_GROUPS.items():
        if sum(_signed(line) for line in entry.lignes if line.compte.startswith(group)) != 0:
            yield "INF-MET-08", "/lignes"
        for position, account in enumerate(accounts):
            if account.startswith(group) and not account.startswith(members):
                yield "INF-MET-08", f"/lignes/{position}/compte"
    memorandum = any(account.startswith(("80", "86")) for account in accounts)
    result = any(account.startswith(_RESULT_AND_BALANCE) for account in accounts)
    for position, account in enumerate(accounts):
        if not _class_8_companion_accepted(account, entry.typeEcriture, memorandum=memorandum, result=result):
            yield "INF-MET-08", f"/lignes/{position}/compte"


def _class_8_companion_accepted(account: str, kind: str, *, memorandum: bool, result: bool) -> bool:
    """Whether one account may stand in an entry that has accounts 80/86 (`memorandum`) or 88/89 (`result`)."""
    if account.startswith(_RESULT_AND_BALANCE):
        return kind in _TYPES_OF_88_89
    if account.startswith("8"):
        return account.startswith(("80", "86"))
    return not memorandum and not (result and account[0] in "67")


def facts(entry: AccountingEntry) -> EntryFacts:
    """What the store keeps in columns: journal, document number, total of debits."""
    day = entry.dateComptable
    lookups: list[Lookup] = []
    for position, line in enumerate(entry.lignes):
        if _ACCOUNT.fullmatch(line.compte) is not None:
            lookups.append(Lookup("nomenc", line.compte, day, f"/lignes/{position}/compte"))
        if line.tiers is not None:
            lookups.append(Lookup("tiers", line.tiers, day, f"/lignes/{position}/tiers"))
    return EntryFacts(
        lookups=tuple(lookups),
        journal=entry.journal,
        piece=entry.piece,
        amount_centimes=sum(line.debit or 0 for line in entry.lignes),
    )
