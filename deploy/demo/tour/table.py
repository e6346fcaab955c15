"""The tour's rows as a person and as a program read them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.demo.tour.stage import Row

WIDTH = 150
"""Columns where there is no terminal to ask."""


def console_of(console: Console) -> Console:
    """The console, wide enough for the table where it is not a terminal."""
    if not console.is_terminal:
        console.width = WIDTH
    return console


def show(console: Console, rows: Sequence[Row], first: int, title: str) -> None:
    """Print the rows of one scene, numbered from `first`."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    for name, ratio in (("what", 9), ("expected", 7), ("got", 7)):
        table.add_column(name, ratio=ratio, overflow="fold")
    table.add_column("client", width=6)
    table.add_column("ms", justify="right", width=8)
    table.add_column("", width=3)
    for number, row in enumerate(rows, first):
        verdict = Text("ok", "green") if row.same else Text("KO", "bold red")
        table.add_row(Text(f"{number:>2} {row.what}"), Text(row.expected), Text(row.got, "" if row.same else "bold red"),
                      row.client, f"{row.ms:.1f}", verdict)
    console.print(table)


def conclude(console: Console, rows: Sequence[Row], seconds: float) -> None:
    """The closing line."""
    differing = [row for row in rows if not row.same]
    text = f"{len(rows)} rows, {len(rows) - len(differing)} as expected, {len(differing)} differ, {seconds:.1f} s"
    console.print(Text(text, "bold red" if differing else "bold green"))


def write_json(file: Path, rows: Sequence[Row]) -> None:
    """The rows for a program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    document = [asdict(row) | {"same": row.same} for row in rows]
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
