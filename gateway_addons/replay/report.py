"""The report of a replay: a table, JUnit XML for continuous integration, JSON for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from rich.markup import escape
from rich.table import Column as TableColumn
from rich.table import Table

from gateway_addons.replay.judge import GOOD, Result
from gateway_addons.replay.run import counted


def summary_table(results: Sequence[Result], *, watched: bool) -> Table:
    """Cases by family (what stands before the first slash of a name) and column."""
    table = Table("family", "cases", *(c.value for c in GOOD), "anything else",
                  title=None if watched else "nobody watched the backend: what it received was not compared")
    families = sorted({_family(r) for r in results})
    for family in families:
        _row(table, family, [r for r in results if _family(r) == family])
    if len(families) != 1:
        table.add_section()
        _row(table, "all", results)
    return table


def _row(table: Table, name: str, results: Sequence[Result]) -> None:
    counts = counted(results)
    bad = sum(n for column, n in counts.items() if column not in GOOD)
    table.add_row(name, str(len(results)), *(str(counts[c]) for c in GOOD), f"[bold red]{bad}[/]" if bad else "0")


def _family(result: Result) -> str:
    return result.case.name.split("/", 1)[0] if "/" in result.case.name else "-"


def failures_table(results: Sequence[Result]) -> Table:
    """Each case that is not what it must be."""
    table = Table(TableColumn("case", no_wrap=True), "answer", "problem")
    for result in results:
        if not result.good:
            tries = f" (tries: {result.case.what})" if result.case.what else ""
            told = f"{result.column.value}: {'; '.join(result.problems)}{tries}"
            table.add_row(escape(result.case.name), f"{result.status or '-'} {result.code or ''}", escape(told))
    return table


def as_json(results: Sequence[Result], strays: Sequence[str]) -> dict[str, Any]:
    """The whole report for programs."""
    return {
        "cases": len(results), "columns": {c.value: n for c, n in counted(results).items()}, "strays": list(strays),
        "results": [{"name": r.case.name, "column": r.column.value, "good": r.good, "status": r.status, "code": r.code,
                     "answers": r.answers, "forwarded": r.forwarded, "problems": list(r.problems)} for r in results],
    }


def write_junit(file: Path, results: Sequence[Result], strays: Sequence[str]) -> None:
    """JUnit XML: a test case for each case, and one for what the backend received beside them."""
    bad = [r for r in results if not r.good]
    suite = Xml.Element("testsuite", name="poterne replay", tests=str(len(results) + 1), failures=str(len(bad) + bool(strays)))
    for result in results:
        case = Xml.SubElement(suite, "testcase", classname=_family(result), name=result.case.name)
        if not result.good:
            failure = Xml.SubElement(case, "failure", type=result.column.name, message="; ".join(result.problems))
            failure.text = f"{result.case.what}\nstatus {result.status}, code {result.code}, answers {result.answers}"
    case = Xml.SubElement(suite, "testcase", classname="-", name="the backend received nothing else")
    if strays:
        failure = Xml.SubElement(case, "failure", type="STRAY", message=f"{len(strays)} calls that belong to no case")
        failure.text = "\n".join(strays)
    Xml.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)


def all_good(results: Sequence[Result], strays: Sequence[str]) -> bool:
    """Is every case what it must be, and was nothing else forwarded?"""
    return not strays and all(r.good for r in results)
