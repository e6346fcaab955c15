"""How commands say what went wrong: one sentence on standard error and status 2, or status 1 for a finding."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer


def fail(why: str, status: int = 2) -> NoReturn:
    """Say it and end."""
    typer.echo(f"poterne: {why}", err=True)
    sys.exit(status)


@contextmanager
def told(*kinds: type[Exception], status: int = 2) -> Iterator[None]:
    """Turn these exceptions into a sentence."""
    try:
        yield
    except kinds as e:
        fail(str(e), status)
