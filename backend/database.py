"""Opening the database file: one process, one writing connection, committed means on the disk."""

import fcntl
import os
import sqlite3
from pathlib import Path

from backend.schema import SCHEMA, SCHEMA_VERSION

BUSY_TIMEOUT_S = 5.0


class DatabaseUnusableError(Exception):
    """The file cannot be the backend's database; the message is for the operator."""


def lock_database(path: Path) -> int:
    """Hold `<path>.lock` for the life of the process: there is one writer, and no assertion is judged by two processes.

    The kernel lets the lock go when the process dies, however it dies.

    Raises:
        DatabaseUnusableError: another process holds it, or the directory cannot be written.
    """
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise DatabaseUnusableError(f"cannot lock {path}: {e}") from e
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(descriptor)
        raise DatabaseUnusableError(f"{path} is in use by another process") from e
    return descriptor


def open_database(path: Path) -> sqlite3.Connection:
    """The writing connection, in autocommit: transactions are begun and ended by `storage` alone.

    WAL with synchronous=FULL: a commit returns after the log was synchronised to the disk (clause 11-h).

    Raises:
        DatabaseUnusableError: not a database, not this schema, or not in WAL mode.
    """
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    except (sqlite3.Error, OSError) as e:
        raise DatabaseUnusableError(f"cannot open {path}: {e}") from e
    if mode != "wal" or version not in (0, SCHEMA_VERSION):
        connection.close()
        raise DatabaseUnusableError(f"{path}: journal mode {mode}, schema {version}; expected wal, {SCHEMA_VERSION}")
    return connection
