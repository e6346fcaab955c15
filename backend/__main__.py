"""The command line: `python -m backend serve` and `python -m backend import-nomenclatures`."""

import logging
import math
import time
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from backend.app import build_app
from backend.assertion_keys import KeyFileError
from backend.database import DatabaseUnusableError
from backend.nomenclature_import import UnusableFileError, import_nomenclatures, read_nomenclatures
from backend.settings import Environment, Settings
from backend.storage import Storage

KEEP_ALIVE_S = 75
SHUTDOWN_S = 20
MAX_HEADER_BYTES = 64 * 1024

commands = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@commands.command()
def serve(
    environment: Annotated[Environment, typer.Option(help="production or sandbox.")],
    port: Annotated[int, typer.Option(min=0, max=65_535)],
    database: Annotated[Path, typer.Option(help="SQLite file; made when missing.")],
    assertion_jwks: Annotated[Path, typer.Option(help="The gateway's public keys; read again when it changes.")],
    assertion_issuer: Annotated[str, typer.Option()],
    assertion_audience: Annotated[str, typer.Option()],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
) -> None:
    """Serve the API INFINOE to one gateway."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings(environment, database, assertion_jwks, assertion_issuer, assertion_audience)
    try:
        storage = Storage(settings.database)
        not_before = math.floor(time.time()) + 1
        app = build_app(settings, storage, not_before)
    except (DatabaseUnusableError, KeyFileError) as e:
        raise SystemExit(f"backend: {e}") from e
    # Assertions issued before this second are refused (see ReplayGuard): no caller is to meet that refusal.
    time.sleep(max(0.0, not_before - time.time()))
    uvicorn.run(
        app, host=host, port=port, loop="uvloop", http="h11", ws="none", lifespan="on", log_config=None,
        access_log=False, server_header=False, date_header=False, proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=SHUTDOWN_S,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )  # fmt: skip


@commands.command("import-nomenclatures")
def import_nomenclatures_command(
    database: Annotated[Path, typer.Option(help="SQLite file; made when missing. The service must be stopped.")],
    file: Annotated[Path, typer.Option(help="YAML file of nomenclatures.")],
) -> None:
    """Put nomenclatures in the database before the service starts."""
    try:
        nomenclatures = read_nomenclatures(file)
        storage = Storage(database)
    except (UnusableFileError, DatabaseUnusableError) as e:
        raise SystemExit(f"backend: {e}") from e
    try:
        import_nomenclatures(storage, nomenclatures)
    finally:
        storage.close()
    typer.echo(f"{len(nomenclatures)} nomenclatures, {sum(len(one.codes) for one in nomenclatures)} codes")


if __name__ == "__main__":
    commands()
